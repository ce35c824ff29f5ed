import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { VerifyReport } from '../../format/verify-report.ts'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { useApp } from '../app/app-state.ts'
import { sizeText } from '../ui/format-size.ts'
import { clockText, durationText } from '../ui/format-time.ts'
import { Icon } from '../ui/icon.tsx'
import { gapReasons } from './gap-words.ts'
import type { Player } from './player.ts'

/** Of a desktop, both of its streams are checked. */
type Checked = VerifyReport & { screen?: VerifyReport }

/** What the check proved, and nothing more: what was never proven is never shown as proven. */
export function VerifyPanel({ id, player }: { id: string; player: Player }) {
  const { api } = useApp()
  const report = useSignal<Checked | undefined>(undefined)
  const error = useSignal<ApiError | undefined>(undefined)
  const checking = useSignal(false)
  const live = player.live.value
  const shown = player.shown.value

  const check = async () => {
    checking.value = true
    error.value = undefined
    try {
      report.value = await api.call<Checked>(`/api/recordings/${id}/verify`)
      const { problems } = report.value.screen ?? report.value
      player.source.disprove(problems.map(({ offset }) => offset))
    } catch (caught) {
      error.value = asApiError(caught)
    }
    checking.value = false
  }
  // A running session is checked when asked; a finished one once it is shown, and again when it finishes.
  useEffect(() => {
    if (!live && shown) check()
  }, [id, live, shown])

  return (
    <section data-testid="verify">
      <h2>Proof</h2>
      {report.value?.screen && (
        <>
          <h3>Screen</h3>
          <Report report={report.value.screen} live={live} />
          <h3>Timeline</h3>
        </>
      )}
      {report.value && <Report report={report.value} live={live} />}
      {!report.value && live && (
        <p class="soft">This session still runs. What is sealed so far can be checked.</p>
      )}
      {error.value && (
        <p class="notice severe" role="alert">
          The check did not run, so nothing is proven. {error.value.message} <code>{error.value.code}</code>
        </p>
      )}
      <button
        type="button"
        class="button"
        disabled={checking.value}
        onClick={check}
        data-testid="verify-again"
      >
        {checking.value ? 'Checking…' : report.value ? 'Check again' : 'Check now'}
      </button>
    </section>
  )
}

function Report({ report, live }: { report: VerifyReport; live: boolean }) {
  const [kind, words] = verdict(report, live)
  const signer = report.signedBy
  const missingUs = report.gaps.reduce((sum, gap) => sum + gap.toUs - gap.fromUs, 0)
  return (
    <>
      <p class={`notice ${kind}`} data-testid="verdict" data-whole={report.whole}>
        <Icon name={kind === 'good' ? 'check' : 'warn'} size={16} /> {words}
      </p>
      <dl>
        <dt>Signed by</dt>
        <dd>
          {signer ? (
            <>
              {signer.host}, agent <code title={signer.agent}>{signer.agent.slice(0, 8)}</code>
              <br />
              <span class="small soft">
                key <code title={signer.key}>{signer.key.slice(0, 16)}…</code>
              </span>
            </>
          ) : (
            'nobody known'
          )}
        </dd>
        <dt>Sealed</dt>
        <dd>
          {sizeText(report.sealedBytes)} of {sizeText(report.bytes)} in {report.frames}{' '}
          {report.frames === 1 ? 'frame' : 'frames'}, up to {clockText(report.endUs)}
        </dd>
        {report.unproven && (
          <>
            <dt>Not proven</dt>
            <dd>the last {sizeText(report.unproven.bytes)}: no seal covers them</dd>
          </>
        )}
        {report.gaps.length > 0 && (
          <>
            <dt>Missing</dt>
            <dd>
              {durationText(missingUs / 1000)} in {report.gaps.length}{' '}
              {report.gaps.length === 1 ? 'gap' : 'gaps'}
              <ul>
                {report.gaps.slice(0, 20).map((gap) => (
                  <li key={gap.fromUs}>
                    {clockText(gap.fromUs)}–{clockText(gap.toUs)}: {gapReasons[gap.reason] ?? gap.reason}
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
        {report.problems.length > 0 && (
          <>
            <dt>Problems</dt>
            <dd>
              <ul>
                {report.problems.slice(0, 20).map((problem) => (
                  <li key={`${problem.code}${problem.offset}`}>
                    {problem.text} <code>{problem.code}</code> at byte {problem.offset}
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
        <dt>End</dt>
        <dd>{endWords(report)}</dd>
      </dl>
    </>
  )
}

function verdict(report: VerifyReport, live: boolean): ['good' | 'medium' | 'severe', string] {
  if (report.problems.length > 0)
    return ['severe', 'The check failed: this is not, or not all, what was recorded.']
  if (!report.signedBy) return ['medium', 'Nothing is proven: no signature is known.']
  if (report.sealedBytes === 0) return ['medium', 'Nothing is sealed yet, so nothing is proven.']
  if (report.whole) return ['good', 'Whole and unchanged.']
  if (report.gaps.length > 0) return ['medium', 'Unchanged, but parts are missing, as shown.']
  if (live) return ['medium', 'Unchanged so far; the session still runs.']
  return ['medium', 'What is sealed is unchanged; nothing proves that no more existed.']
}

function endWords({ end }: VerifyReport): string {
  if (!end) return 'no signed end: nothing proves that no more existed'
  if (end.reason !== 'exit') return end.reason
  if (end.signal !== undefined) return `ended by signal ${end.signal}`
  return end.exit === undefined ? 'exit' : `exit status ${end.exit}`
}
