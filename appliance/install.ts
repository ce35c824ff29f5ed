import { CommandError } from './command-error.ts'
import { type InstallOptions, install as installRole } from './install/install.ts'
import { type Role, roles } from './install/roles.ts'
import { type UninstallOptions, uninstall as uninstallRole } from './install/uninstall.ts'
import { told } from './lb-output.ts'
import { fields } from './print.ts'

/** As commander has them: one list for all roles. */
type Given = Omit<InstallOptions, 'node' | 'agent' | 'lb'> &
  InstallOptions['node'] &
  InstallOptions['agent'] &
  InstallOptions['lb'] & { httpsPort?: number; lbHost?: string[] }

export async function install(role: string, given: Given): Promise<void> {
  const { httpsPort, lbHost, identity, dbCheck, start, log, json, ...all } = given
  const { port: _, ...node } = all
  const installed = await told(() =>
    installRole(roleOf(role), {
      ...{ identity, dbCheck, start, log, ...(json && { json }) },
      node: {
        ...node,
        ...(httpsPort !== undefined && { port: httpsPort }),
        ...(lbHost && { balancer: lbHost }),
      },
      agent: all,
      lb: { ...(all.farm && { farm: all.farm }), ...(all.balancer && { balancer: all.balancer }) },
    }),
  )
  const { enrolmentToken: _token, ...shown } = installed
  if (json) {
    process.stdout.write(`${JSON.stringify(shown)}\n`)
    return
  }
  const { url, admin } = installed
  if (url !== undefined || admin)
    process.stdout.write(
      `\n${fields([
        ['Pages', url],
        ['Sign in', admin && `${admin.user} / ${admin.password}    (shown this once)`],
      ])}`,
    )
}

export async function uninstall(role: string | undefined, options: UninstallOptions): Promise<void> {
  await told(() => uninstallRole(role === undefined ? undefined : roleOf(role), options))
}

function roleOf(text: string): Role {
  const role = roles.find((each) => each === text)
  if (role) return role
  throw new CommandError('role', `There is no role ${text}.`, `Say one of ${roles.join(', ')}.`, 2)
}
