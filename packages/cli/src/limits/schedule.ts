import type { LimitsWindow } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { limitOptions, readLimits } from './limit-options.ts'
import { formatSchedule } from './schedule-table.ts'
import { changedWindows, DEFAULT_TIME_ZONE, readTimes, type WindowChange } from './window-change.ts'

const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const
const flag = (describe: string) => ({ type: 'boolean', describe }) as const

/** What the command does, once it is read: shows, clears, removes a window, or changes or adds one. */
type Action = 'show' | 'clear' | { readonly remove: string } | { readonly change: string; readonly to: WindowChange }

export const limitsSchedule = defineCommand({
  usage: 'limits schedule [window]',
  summary:
    'Show the schedule of the limits, or add, change or remove a window of the day in which others hold. What was set goes before it; of windows that hold at once, the first does.',
  positionals: { window: { type: 'string', describe: 'Name of the window to add, change or remove' } },
  options: {
    from: text('When it begins: HH:MM'),
    to: text('When it ends, on the next day unless that is later; the same time for a whole day'),
    days: text('Days on which it begins: mon-fri, or sat,sun; all when absent'),
    'time-zone': text(`Whose clocks: Europe/Berlin, for example; ${DEFAULT_TIME_ZONE} when absent`),
    first: flag('Put it before all others; a new one is last when absent'),
    remove: flag('Remove it'),
    clear: flag('Remove all'),
    ...limitOptions,
  },
  examples: [
    ['limits schedule', 'what there is, and which window holds'],
    ['limits schedule night --from 22:00 --to 06:00 --time-zone Europe/Berlin --library 1GB/s', 'more at night'],
    ['limits schedule weekend --days sat,sun --from 0:00 --to 24:00 --library none', 'and all there is at weekends'],
    ['limits schedule night --to 05:30 --library configured', 'half an hour less, and the library as configured'],
    ['limits schedule night --remove', 'no more'],
  ],
  run: async ({ client, output, clock, signal }, args) => {
    const action = actionOf(args)
    const shown = action === 'clear' ? undefined : await client.showLimitsSchedule({ signal })
    const windows = shown === undefined ? [] : windowsAfter(action, shown.windows)
    const status =
      shown !== undefined && action === 'show' ? shown : await client.setLimitsSchedule({ body: { windows }, signal })
    output.show(status, () => formatSchedule(status, clock.now()))
    return EXIT.ok
  },
})

/** Throws `SHOAL_CLI_USAGE` with every fault. */
function actionOf(args: Readonly<Record<string, unknown>> & Parameters<typeof readTimes>[0]): Action {
  const { window, first, remove, clear } = args
  const timeZone = typeof args['time-zone'] === 'string' ? args['time-zone'] : undefined
  const { change, faults } = readLimits(args)
  const times = readTimes(args, faults)
  const said = [...Object.values(times), timeZone].some((one) => one !== undefined) || Object.keys(change).length > 0
  const isChange = said || first === true || faults.length > 0
  if ([isChange, remove === true, clear === true].filter(Boolean).length > 1) {
    faults.unshift('Change a window, remove it or clear the schedule, one at a time.')
  }
  if (clear === true && typeof window === 'string') faults.push('--clear removes every window: name none with it.')
  if ((isChange || remove === true) && typeof window !== 'string') faults.push('Name the window.')
  if (typeof window === 'string' && !isChange && remove !== true && clear !== true) {
    faults.push('Say what to change: --from 22:00 --to 06:00 --library 1GB/s, for example; or --remove.')
  }
  if (faults.length > 0) throw usage(faults.join(' '))
  if (clear === true) return 'clear'
  if (typeof window !== 'string') return 'show'
  if (remove === true) return { remove: window }
  return { change: window, to: { ...times, timeZone, limits: change, isFirst: first === true } }
}

/** The windows that there shall be. Throws `SHOAL_CLI_USAGE`. */
function windowsAfter(action: Action, windows: readonly LimitsWindow[]): LimitsWindow[] {
  if (typeof action === 'string') return action === 'show' ? [...windows] : []
  if ('change' in action) {
    const changed = changedWindows(windows, action.change, action.to)
    if ('reason' in changed) throw usage(changed.reason)
    return changed.windows
  }
  const others = windows.filter(({ name }) => name !== action.remove)
  if (others.length === windows.length) throw usage(`The schedule has no window ${action.remove}.`)
  return others
}

function usage(reason: string) {
  return cliError('SHOAL_CLI_USAGE', { reason, command: 'shoal limits schedule' })
}
