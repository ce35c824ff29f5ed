/** One file that went over an ssh connection. SPEC S3. Paths as the program on this host names them. */
export interface Transfer {
  means: 'sftp' | 'scp' | 'rsync' | 'git'
  direction: 'host-to-client' | 'client-to-host'
  path: string
  bytes: number
}

/** Longer paths than Linux has (PATH_MAX) are of a log's making. */
export const pathCharactersMax = 4096
