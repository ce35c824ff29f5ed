import type { Command } from 'commander'
import { homePaths } from './home.ts'

/** `tapedeck db …`; its code is loaded when one of them is used. */
export function addDbVerbs(program: Command): void {
  const db = program
    .command('db')
    .description("The catalog's database: a file, or postgres://USER@HOST,HOST/DATABASE?passwordFile=/PATH")
  const verb = (name: string, text: string) =>
    db
      .command(name)
      .description(text)
      .option('--home <dir>', 'where this installation lies (default: ~/.tapedeck)')
      .option('--json', 'print JSON')
  const admin = (command: Command) =>
    command
      .option(
        '--admin <connection>',
        'of an administrator, to make role, database and extension; kept nowhere',
      )
      .option('--admin-password-file <file>', 'else TAPEDECK_DB_ADMIN_PASSWORD, PGPASSFILE, or you are asked')

  verb('test', 'Look at a database as a node would use it; exit 1 if it could not')
    .argument('[connection]', "instead of this node's own")
    .action(async (connection, options) =>
      (await import('./db.ts')).test(homePaths(options.home), connection, options),
    )
  admin(verb('migrate', 'Make the database what this version needs'))
    .argument('[connection]', "instead of this node's own")
    .action(async (connection, options) =>
      (await import('./db.ts')).migrate(homePaths(options.home), connection, options),
    )
  verb('set', 'Let this node use another database, after testing it')
    .argument('<connection>')
    .option('--copy', 'first copy what the present one has; the node should be stopped')
    .action(async (connection, options) =>
      (await import('./db-set.ts')).set(homePaths(options.home), connection, options),
    )
}
