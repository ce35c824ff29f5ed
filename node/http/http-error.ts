import type { Decision } from '../policy/decisions.ts'

/** What a request is refused with: `{error: {code, text, hint}}`. */
export class HttpError extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string
  readonly headers: Record<string, string>

  constructor(status: number, code: string, text: string, hint = '', headers: Record<string, string> = {}) {
    super(text)
    this.name = 'HttpError'
    this.status = status
    this.code = code
    this.hint = hint
    this.headers = headers
  }
}

export function notFound(what: string): HttpError {
  return new HttpError(404, 'not-found', `There is no ${what}.`, 'It may have been deleted.')
}

/** Throws 403 `role-missing` unless the decision allows. */
export function ensure(decision: Decision): void {
  if (decision.allowed) return
  throw new HttpError(
    403,
    'role-missing',
    `This needs the role ${decision.missing}, which you do not have.`,
    `Ask an administrator for the role ${decision.missing}.`,
  )
}

/** Too much work of one kind waits already. */
export function busy(): HttpError {
  return new HttpError(503, 'busy', 'This node is busy with other recordings.', 'Try again in a moment.', {
    'retry-after': '5',
  })
}

/** SPEC S11: the refusal names the setting. */
export function liveOff(): HttpError {
  return new HttpError(
    403,
    'live-off',
    'Live playback is off (setting `live`).',
    'Switch it on in node.json.',
  )
}
