import type { Simulate } from '@shoal/api'
import type { InferredOptionTypes, Options } from 'yargs'
import { parseShare } from './parse-share.ts'
import { present } from './present.ts'

const share = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const satisfies Options

/** Options of a simulation; each of them asks for one. */
export const simulateOptions = {
  simulate: { type: 'boolean', describe: 'Replay the plan in a simulated fleet as well, and show what came of it' },
  'rate-spread': share('Simulate that links are slower by up to this share, as 20%'),
  'lose-nodes': share('Simulate that this share of the nodes dies halfway, as 30%'),
  'slow-nodes': share('Simulate that this share of the nodes has a tenth of its rate, as 5%'),
  'random-seed': {
    type: 'number',
    requiresArg: true,
    describe: 'Whole number; the same one simulates the same misfortune',
  },
} as const satisfies Record<string, Options>

type SimulateArgs = Partial<InferredOptionTypes<typeof simulateOptions>>

/** What to simulate, if anything. Throws `SHOAL_CLI_USAGE`, whose hint names `command`. */
export function simulateOf(args: SimulateArgs, command: string): Simulate | undefined {
  const read = (text: string | undefined) => (text === undefined ? undefined : parseShare(text, command))
  const simulate = present({
    rateSpread: read(args['rate-spread']),
    lostNodes: read(args['lose-nodes']),
    slowNodes: read(args['slow-nodes']),
    randomSeed: args['random-seed'],
  })
  return args.simulate || Object.keys(simulate).length > 0 ? simulate : undefined
}
