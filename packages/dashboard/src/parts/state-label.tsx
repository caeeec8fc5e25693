import { Label } from '@patternfly/react-core'

export type Tone = 'success' | 'warning' | 'danger' | 'info' | 'plain'

/** A state in one word; its colour says the same. */
export function StateLabel({ state, tone }: { state: string; tone: Tone }) {
  return tone === 'plain' ? (
    <Label isCompact color="grey">
      {state}
    </Label>
  ) : (
    <Label isCompact status={tone}>
      {state}
    </Label>
  )
}
