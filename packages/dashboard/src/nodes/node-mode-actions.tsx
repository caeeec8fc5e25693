import { TextInput } from '@patternfly/react-core'
import type { NodeMode } from '@shoal/api'
import { useId, useState } from 'react'
import { call } from '../api/call.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'

const ACTIONS = [
  {
    mode: 'draining',
    action: 'Drain',
    title: (id: string) => `Drain ${id}?`,
    what: 'It gives what it has and is asked for nothing new: what it was to fetch rests, plans and placement leave it out. VMs that run there go on. When it serves none any more it is drained, and its machine may be switched off.',
  },
  {
    mode: 'quarantined',
    action: 'Quarantine',
    title: (id: string) => `Put ${id} into quarantine?`,
    what: 'As a drain, and nobody takes blocks from it, whatever it says. VMs that run there go on reading through it.',
  },
  {
    mode: 'active',
    action: 'Activate',
    title: (id: string) => `Let ${id} take part again?`,
    what: 'What was assigned to it goes on, plans take it up again, and others take blocks from it.',
  },
] as const

const MAX_REASON_CHARS = 500

/** What can be done with a node in its mode. Each is journalled with the reason and who did it. */
export function NodeModeActions({ id, mode }: { id: string; mode: NodeMode }) {
  return ACTIONS.filter((action) => action.mode !== mode).map((action) => (
    <ModeAction key={action.mode} id={id} {...action} />
  ))
}

function ModeAction({ id, mode, action, title, what }: (typeof ACTIONS)[number] & { id: string }) {
  const [reason, setReason] = useState('')
  const field = useId()
  return (
    <ConfirmButton
      action={action}
      title={title(id)}
      variant={mode === 'active' ? 'primary' : 'secondary'}
      onConfirm={() => call('setNodeMode', { params: { node: id }, body: { mode, reason: reason.trim() } })}
    >
      <p>{what}</p>
      <label className="shoal-label" htmlFor={field}>
        Reason, for others
      </label>
      <TextInput
        id={field}
        value={reason}
        maxLength={MAX_REASON_CHARS}
        onChange={(_, value) => setReason(value)}
        placeholder="new disks, bad memory..."
      />
    </ConfirmButton>
  )
}
