import type { PlanUpdate } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { createLiveLines } from './live-lines.ts'
import { formatUpdate, formatUpdateLine, type PlanLabel } from './update-lines.ts'

/** Shows how far a plan is, as updates come in. */
export interface PlanView {
  update(update: PlanUpdate): void
  /** The connection was lost. */
  cut(): void
}

type Surroundings = Pick<CommandContext, 'output' | 'terminal' | 'clock'>

/** Lines come this often at most while nothing but bytes changes. */
const LINE_INTERVAL_MS = 5000

/** JSON lines with --json; a view that is redrawn on a terminal; lines of text otherwise. */
export function createPlanView(context: Surroundings, label: PlanLabel): PlanView {
  const { output, terminal } = context
  if (output.isJson) return { update: (update) => output.item(update, () => ''), cut: () => {} }
  return terminal.isInteractive ? liveView(context, label) : lineView(context, label)
}

function liveView({ terminal, clock }: Surroundings, label: PlanLabel): PlanView {
  const lines = createLiveLines(terminal.stderr)
  let last: PlanUpdate | undefined
  const draw = (isCut: boolean) => {
    const update = last
    if (update === undefined) return
    lines.draw((size) => formatUpdate(update, { label, now: clock.now(), isCut, ...size }))
  }
  return {
    update: (update) => {
      last = update
      draw(false)
    },
    cut: () => draw(true),
  }
}

function lineView({ output, terminal, clock }: Surroundings, label: PlanLabel): PlanView {
  let shown: { key: string; at: number; text: string } | undefined
  return {
    update: (update) => {
      const { total, failed, excluded, ready } = update.progress.nodes
      const key = JSON.stringify([update.state, total, failed, excluded, ready === total])
      const now = clock.now()
      const text = formatUpdateLine(update, { label, now, columns: terminal.columns, rows: 1 })
      if (shown?.key === key && (now - shown.at < LINE_INTERVAL_MS || shown.text === text)) return
      shown = { key, at: now, text }
      output.note(text)
    },
    cut: () => output.note('connection lost, connecting again'),
  }
}
