import { formatShare } from '../format/quantity.ts'

/** How much of something there is, as a bar that costs little: thousands of them are shown. */
export function Meter({
  share,
  label,
  tone = 'normal',
}: {
  share: number
  label: string
  tone?: 'normal' | 'good' | 'bad'
}) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10
  return (
    <span className="shoal-meter" title={label}>
      <span className={`shoal-meter-bar shoal-meter-${tone}`} aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
      <span className="shoal-meter-text">{formatShare(share)}</span>
    </span>
  )
}
