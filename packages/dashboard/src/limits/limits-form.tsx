import { Form, FormGroup, TextInput } from '@patternfly/react-core'
import type { LimitsStatus } from '@shoal/api'
import { useState } from 'react'
import { call } from '../api/call.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'

const MIB = 1024 ** 2

/** Sets the two limits that matter in a hurry; the rest has its commands (shoal limits). */
export function LimitsForm({ status, onSet }: { status: LimitsStatus; onSet: () => void }) {
  const { libraryBytesPerSecond, seedUpBytesPerSecond } = status.effective
  const [library, setLibrary] = useState(inMib(libraryBytesPerSecond))
  const [seed, setSeed] = useState(inMib(seedUpBytesPerSecond))
  const isWrong = [library, seed].some((text) => text.trim() !== '' && !(Number(text) > 0))
  const apply = async () => {
    const body = { libraryBytesPerSecond: toLimit(library), seedUpBytesPerSecond: toLimit(seed) }
    await call('setLimits', { body })
    onSet()
  }
  return (
    <Form isHorizontal className="shoal-form" onSubmit={(event) => event.preventDefault()}>
      <FormGroup label="Library, MiB/s" fieldId="library-limit">
        <TextInput
          id="library-limit"
          inputMode="decimal"
          value={library}
          onChange={(_, value) => setLibrary(value)}
          placeholder="no limit"
        />
      </FormGroup>
      <FormGroup label="Seed sends, MiB/s" fieldId="seed-limit">
        <TextInput
          id="seed-limit"
          inputMode="decimal"
          value={seed}
          onChange={(_, value) => setSeed(value)}
          placeholder="no limit"
        />
      </FormGroup>
      <div>
        <ConfirmButton
          isForAdmins
          action="Set limits"
          variant="primary"
          title="Set these limits?"
          isDisabled={isWrong}
          onConfirm={apply}
        >
          They hold at once, for what is under way too, until others are set. Library: {library || 'no'} MiB/s limit.
          Seed: {seed || 'no'} MiB/s limit.
        </ConfirmButton>
      </div>
    </Form>
  )
}

function inMib(limit: number | null): string {
  return limit === null ? '' : String(Math.round((limit / MIB) * 100) / 100)
}

function toLimit(text: string): number | null {
  return text.trim() === '' ? null : Math.round(Number(text) * MIB)
}
