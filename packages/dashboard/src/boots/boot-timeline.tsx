import type { BootRow } from '@shoal/api'
import { useNow } from '../fleet/use-now.ts'
import { formatSeconds } from '../format/time.ts'
import { bootSteps } from './boot-steps.ts'

/** The steps of a boot one below the other, each as long as it took. */
export function BootTimeline({ boot }: { boot: BootRow }) {
  const now = useNow()
  const steps = bootSteps(boot)
  const last = steps.at(-1)
  const isOver = last === undefined || last.seconds !== null
  const soFar = Math.max(0, (now - Date.parse(boot.preparedAt)) / 1000)
  const total = Math.max(0.001, isOver ? (last?.fromSeconds ?? 0) + (last?.seconds ?? 0) : soFar)
  return (
    <ol className="shoal-timeline" aria-label="Steps of the boot">
      {steps.map(({ name, meaning, fromSeconds, seconds }) => {
        const took = seconds ?? Math.max(0, total - fromSeconds)
        const percent = (value: number) => `${Math.min(100, (value / total) * 100)}%`
        return (
          <li key={name}>
            <span className="shoal-timeline-name">{name}</span>
            <span className="shoal-timeline-track" aria-hidden="true">
              <span
                className={seconds === null ? 'shoal-timeline-open' : ''}
                style={{ marginInlineStart: percent(fromSeconds), width: percent(took) }}
              />
            </span>
            <span className="shoal-number">{seconds === null ? 'not known yet' : formatSeconds(seconds)}</span>
            <span className="shoal-timeline-why">{meaning}</span>
          </li>
        )
      })}
    </ol>
  )
}
