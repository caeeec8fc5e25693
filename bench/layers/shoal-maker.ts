import { join } from 'node:path'
import type { LayerMaker } from './layer-maker.ts'
import { type CommandCost, measureCommand } from './measure-command.ts'

const PROGRAM = join(import.meta.dirname, 'shoal-layer.ts')

/** Ours, each job in a process of its own that has never run the code before; starting Node is not counted. */
export const shoal: LayerMaker = {
  name: 'shoal',
  makeMiddle: ({ base, flat, middle }) => run(['middle', base, flat, middle]),
  compose: ({ base, middle, output, format }) => run([`compose-${format}`, base, middle, output]),
}

async function run(args: readonly string[]): Promise<CommandCost> {
  const { stdout } = await measureCommand([process.execPath, PROGRAM, ...args])
  return JSON.parse(stdout) as CommandCost
}
