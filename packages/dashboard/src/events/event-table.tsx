import type { Event } from '@shoal/api'
import { Link } from 'wouter'
import { useNow } from '../fleet/use-now.ts'
import { shortDigest } from '../format/names.ts'
import { formatTime } from '../format/time.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

export function EventTable({ events, maxRows = 20 }: { events: readonly Event[]; maxRows?: number }) {
  const now = useNow()
  const columns: Column<Event>[] = [
    { key: 'at', title: 'Time', width: '6rem', render: ({ at }) => <time dateTime={at}>{formatTime(at, now)}</time> },
    { key: 'type', title: 'What', width: '10rem', render: ({ type }) => <code>{type}</code> },
    { key: 'about', title: 'About', width: '12rem', render: (event) => <About event={event} /> },
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
    />
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
