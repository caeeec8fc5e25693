import type { Event } from '@shoal/api'
import { plainText } from '../format/plain-text.ts'

/** The longest event type has 19 characters. */
const TYPE_WIDTH = 20

/** An event on one line. */
export function formatEvent(event: Event): string {
  return `${event.at}  ${event.type.padEnd(TYPE_WIDTH)}  ${plainText(event.message)}`
}
