import { stripVTControlCharacters } from 'node:util'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { fleetLines } from './fleet-lines.ts'
import { FleetPicture } from './fleet-picture.ts'
import { followFleet } from './follow-fleet.ts'
import { openFullScreen } from './full-screen.ts'
import { NODE_ORDERS, type NodeOrder, nextOrder, sortNodes } from './node-order.ts'

/** What is printed once has no screen to fit on, yet should be read at one. */
const PRINTED_ROWS = 40
const CTRL_C = '\u0003'

export const top = defineCommand({
  usage: 'top',
  summary:
    'Show the swarm live: its health, and the nodes that are stuck, slow or behind first; once where there is no screen.',
  options: {
    once: { type: 'boolean', describe: 'Print it once' },
    sort: {
      choices: NODE_ORDERS,
      default: 'trouble',
      requiresArg: true,
      describe: 'How to sort the nodes; s changes it',
    },
  },
  examples: [
    ['top', 'q ends it, s sorts by something else'],
    ['top --once --sort rate', 'for a log'],
  ],
  run: async (context, args) => {
    const { terminal, output } = context
    const isLive = terminal.isScreen === true && !output.isJson && args.once !== true
    return isLive ? await showLive(context, args.sort) : await printOnce(context, args.sort)
  },
})

async function printOnce(
  { client, output, terminal, clock, signal }: CommandContext,
  order: NodeOrder,
): Promise<ExitCode> {
  const picture = new FleetPicture()
  for await (const { data } of client.streamDashboard({ signal })) {
    picture.apply(data)
    break
  }
  const nodes = sortNodes(picture.nodes, order)
  output.show({ overview: picture.overview ?? null, plans: picture.plans, nodes }, () => {
    const size = { columns: terminal.columns, rows: PRINTED_ROWS }
    return fleetLines(picture, { ...size, order, now: clock.now(), isCut: false })
      .slice(1)
      .join('\n')
  })
  return EXIT.ok
}

async function showLive(context: CommandContext, first: NodeOrder): Promise<ExitCode> {
  const { terminal, clock } = context
  const picture = new FleetPicture()
  const ended = new AbortController()
  const signal = AbortSignal.any([context.signal, ended.signal])
  const shown = { order: first, isCut: false }
  let code: ExitCode = EXIT.ok
  const screen = openFullScreen(terminal.stdout)
  const draw = () => screen.draw((size) => fleetLines(picture, { ...size, ...shown, now: clock.now() }))
  terminal.stdout.on('resize', draw)
  const press = (key: string) => {
    if (key === 'q' || key === CTRL_C) {
      code = key === 'q' ? EXIT.ok : EXIT.interrupted
      ended.abort()
    } else if (key === 's') {
      shown.order = nextOrder(shown.order)
      draw()
    }
  }
  const reading = readKeys(terminal.keys?.(signal), press)
  try {
    draw()
    await followFleet({ client: context.client, clock, signal }, picture, (isCut) => {
      shown.isCut = isCut
      draw()
    })
  } catch (error) {
    if (!ended.signal.aborted) throw error
  } finally {
    terminal.stdout.off('resize', draw)
    ended.abort()
    await reading
    screen.close()
  }
  return code
}

/** Arrows and the like are sequences, and no keys of ours. */
async function readKeys(keys: AsyncIterable<string> | undefined, press: (key: string) => void): Promise<void> {
  for await (const chunk of keys ?? []) for (const key of stripVTControlCharacters(chunk)) press(key)
}
