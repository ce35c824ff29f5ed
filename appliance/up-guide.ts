import type { Home } from './home.ts'

export interface UpFacts {
  url: string
  /** Signs in once. */
  link: string
  home: Home
  sample: boolean
  /** The first administrator, when this start made it. */
  admin: { user: string; password: string } | undefined
}

/** What a person sees when all runs: where it is, how to get in, what to do next. */
export function upGuide({ url, link, home, sample, admin }: UpFacts): string {
  const where = home.root.endsWith('/.tapedeck') ? '' : ` --home ${shellWord(home.root)}`
  return [
    '',
    `Tapedeck is running at ${url}`,
    '',
    ...(admin
      ? [
          `  Sign in     ${admin.user} / ${admin.password}`,
          '              Change it under Account. This administrator was given the role Player too,',
          '              so that recordings can be watched at once; on a farm nobody has it by default.',
        ]
      : []),
    `  Or open     ${link}`,
    '              (works once, within 15 minutes; the certificate is this machine’s own)',
    '',
    `  Record      ./tapedeck record${where}                    a shell, here or in another window`,
    `              ./tapedeck record${where} -- vim notes.txt   or any command`,
    `  Look        ./tapedeck list${where}    ./tapedeck play ID${where}    ./tapedeck verify ID${where}`,
    '',
    ...(sample ? ['  A short sample session is being recorded now.'] : []),
    `  Everything lies in ${home.root}. Ctrl-C stops.`,
    '',
  ].join('\n')
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
