import type { Node } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { poll } from '../follow/poll.ts'
import { parseDuration } from '../format/parse-duration.ts'
import { describeMode, modePositionals, reasonOption, setMode } from './set-mode.ts'

export const nodeDrain = defineCommand({
  usage: 'node drain <node>',
  summary:
    'Ask a node for nothing new: it gives what it has, machines there go on, plans and placement leave it out. Exit 6 when it is not drained in time.',
  positionals: modePositionals,
  options: {
    reason: reasonOption,
    wait: {
      type: 'boolean',
      default: false,
      describe: 'Wait until it serves no disk and nothing is on its way to it',
    },
    timeout: {
      type: 'string',
      requiresArg: true,
      implies: 'wait',
      describe: 'How long to wait at most, as 10m; without it, as long as it takes',
    },
  },
  examples: [
    ['node drain compute-7 --reason "new disks" --wait', 'before its machine is switched off'],
    ['node activate compute-7', 'and afterwards'],
  ],
  run: async (context, args) => {
    const { client, output, clock, signal } = context
    const endsAt =
      args.timeout === undefined
        ? Number.POSITIVE_INFINITY
        : clock.now() + parseDuration(args.timeout, 'shoal node drain')
    const { node } = args
    const set = await setMode(context, { node, mode: 'draining', reason: args.reason })
    if (!args.wait) {
      output.show(set, () => `${node}: ${describeMode(set)}`)
      return EXIT.ok
    }
    output.note(`${node}: ${describeMode(set)}`)
    const isOver = ({ mode }: Node) => mode.isDrained || mode.mode === 'active' || clock.now() >= endsAt
    let last: Node | undefined
    let told: string | undefined
    for await (last of poll(context, () => client.showNode({ params: { node }, signal }), isOver)) {
      const waitsFor = describeWait(last)
      if (waitsFor !== told && !isOver(last)) output.note(`${node}: ${waitsFor}`)
      told = waitsFor
    }
    const mode = last?.mode ?? set
    if (output.isJson) output.show(mode, () => '')
    else output.note(`${node}: ${mode.isDrained ? 'drained' : `NOT DRAINED, ${mode.mode}`}`)
    return mode.isDrained ? EXIT.ok : EXIT.incomplete
  },
})

function describeWait({ inventory, state }: Node): string {
  if (state === 'lost') return 'it sends no heartbeats'
  const boots = inventory?.boots?.length ?? 0
  if (boots > 0) return `it serves ${boots} ${boots === 1 ? 'disk' : 'disks'} to VMs`
  return 'it waits for what is on its way, or has not reported since'
}
