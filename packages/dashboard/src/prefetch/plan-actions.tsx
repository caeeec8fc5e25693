import type { PlanState } from '@shoal/api'
import { call } from '../api/call.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'

const OPEN: readonly PlanState[] = ['running', 'planned', 'partly-done']

/** What can be done with a plan in its state. */
export function PlanActions({ id, name, state }: { id: string; name: string; state: PlanState }) {
  const params = { plan: id }
  const isOpen = OPEN.includes(state) || state === 'paused'
  return (
    <>
      {OPEN.includes(state) ? (
        <ConfirmButton
          action="Pause"
          title={`Pause ${name}?`}
          onConfirm={() => call('changePrefetch', { params, body: { paused: true } })}
        >
          Its transfers stop until you let it go on. What is there stays.
        </ConfirmButton>
      ) : null}
      {state === 'paused' ? (
        <ConfirmButton
          action="Go on"
          variant="primary"
          title={`Let ${name} go on?`}
          onConfirm={() => call('changePrefetch', { params, body: { paused: false } })}
        >
          Its nodes fetch again what they lack.
        </ConfirmButton>
      ) : null}
      {isOpen ? (
        <ConfirmButton
          action="Cancel plan"
          variant="danger"
          title={`Cancel ${name}?`}
          onConfirm={() => call('cancelPrefetch', { params })}
        >
          Its transfers stop and its pins end. Layers that are complete stay on their nodes; those that are not may be
          evicted.
        </ConfirmButton>
      ) : null}
      {state === 'running' || state === 'planned' ? null : (
        <ConfirmButton action="Retry" title={`Retry ${name}?`} onConfirm={() => call('retryPrefetch', { params })}>
          What is missing is planned anew, and started.
        </ConfirmButton>
      )}
    </>
  )
}
