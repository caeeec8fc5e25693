import type { Event } from '@shoal/api'
import { Link } from 'wouter'
import { useNow } from '../fleet/use-now.ts'
import { shortDigest } from '../format/names.ts'
import { formatTime } from '../format/time.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { kindOf } from './actor-choices.ts'

export function EventTable({ events, maxRows = 20 }: { events: readonly Event[]; maxRows?: number }) {
  const now = useNow()
  const columns: Column<Event>[] = [
    { key: 'at', title: 'Time', width: '5rem', render: ({ at }) => <time dateTime={at}>{formatTime(at, now)}</time> },
    { key: 'type', title: 'What', width: '9.5rem', render: ({ type }) => <code>{type}</code> },
    { key: 'who', title: 'Who', width: '8.5rem', render: ({ actor }) => <Who actor={actor} /> },
    { key: 'about', title: 'About', width: '9rem', render: (event) => <About event={event} /> },
    {
      key: 'message',
      title: 'Message',
      width: 'minmax(12rem, 1fr)',
      render: ({ message }) => <span title={message}>{message}</span>,
    },
  ]
  return (
    <VirtualTable
      label="Events"
      rows={events}
      columns={columns}
      idOf={({ id }) => String(id)}
      empty="Nothing has happened."
      maxRows={maxRows}
      minWidth="56rem"
    />
  )
}

/** Who did it, with a page where there is one. */
function Who({ actor }: { actor: string }) {
  const kind = kindOf(actor)
  const name = actor.slice(kind.length + 1)
  const path = kind === 'node' ? 'nodes' : kind === 'plan' ? 'prefetch' : undefined
  return (
    <span title={actor}>
      {path === undefined ? actor : <Link href={`/${path}/${encodeURIComponent(name)}`}>{actor}</Link>}
    </span>
  )
}

/** What an event is about, the most particular first. */
function About({ event: { node, plan, layer, image } }: { event: Event }) {
  if (plan !== undefined) return <Link href={`/prefetch/${plan}`}>{plan}</Link>
  if (node !== undefined) return <Link href={`/nodes/${node}`}>{node}</Link>
  if (layer !== undefined) return <Link href={`/layers/${encodeURIComponent(layer)}`}>{shortDigest(layer)}</Link>
  if (image !== undefined) return <Link href={`/images?filter=${encodeURIComponent(image)}`}>{image}</Link>
  return null
}
