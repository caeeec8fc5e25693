import type { NodeRow } from '@shoal/api'
import { type MouseEvent, useCallback, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { colourOf } from '../app/theme.ts'
import { formatCount, formatShare, shareOf } from '../format/quantity.ts'
import { type FleetLayout, fleetLayout, LABEL_PX, nodeAt } from './fleet-layout.ts'
import { type Surface, useCanvas } from './use-canvas.ts'

const MAX_HEIGHT_PX = 260
const LEGEND = [
  ['ok', 'has all it wants'],
  ['part', 'fetching'],
  ['warn', 'in trouble'],
  ['bad', 'gone'],
  ['idle', 'wants nothing, or takes no part'],
] as const

/** Every node as a cell, by rack: where something is wrong is seen at once. */
export function FleetMap({ nodes }: { nodes: readonly NodeRow[] }) {
  const layout = useRef<FleetLayout>(undefined)
  const [height, setHeight] = useState(MAX_HEIGHT_PX)
  const [, go] = useLocation()
  const draw = useCallback(
    (surface: Surface) => {
      const next = fleetLayout(nodes, surface.width, MAX_HEIGHT_PX)
      layout.current = next
      setHeight(Math.max(40, next.height))
      drawFleet(surface, next)
    },
    [nodes],
  )
  const canvas = useCanvas(draw)
  const find = ({ nativeEvent: { offsetX, offsetY } }: MouseEvent) =>
    layout.current === undefined ? undefined : nodeAt(layout.current, offsetX, offsetY)
  const show = (event: MouseEvent<HTMLCanvasElement>) => {
    const node = find(event)
    event.currentTarget.title = node === undefined ? '' : describe(node)
    event.currentTarget.style.cursor = node === undefined ? 'default' : 'pointer'
  }
  const open = (event: MouseEvent) => {
    const node = find(event)
    if (node !== undefined) go(`/nodes/${encodeURIComponent(node.id)}`)
  }
  return (
    <figure className="shoal-figure">
      <canvas
        ref={canvas}
        style={{ height }}
        role="img"
        aria-label={summary(nodes)}
        onMouseMove={show}
        onClick={open}
      />
      <figcaption className="shoal-legend">
        {LEGEND.map(([colour, text]) => (
          <span key={colour}>
            <i className={`shoal-swatch shoal-swatch-${colour}`} /> {text}
          </span>
        ))}
      </figcaption>
    </figure>
  )
}

function drawFleet({ context }: Surface, { blocks, cell }: FleetLayout): void {
  const colours = {
    ok: colourOf('ok'),
    part: colourOf('part'),
    warn: colourOf('warn'),
    bad: colourOf('bad'),
    idle: colourOf('idle'),
  }
  const gap = cell > 6 ? 2 : cell > 3 ? 1 : 0
  context.font = '12px sans-serif'
  for (const { name, nodes, x, y, across } of blocks) {
    context.fillStyle = colourOf('text')
    context.fillText(name, x, y + 11, Math.max(across * cell, 54))
    for (const [index, node] of nodes.entries()) {
      const [left, top] = [x + (index % across) * cell, y + LABEL_PX + Math.floor(index / across) * cell]
      const kind = kindOf(node)
      const edge = cell - gap
      context.fillStyle = kind === 'part' ? colours.idle : colours[kind]
      context.fillRect(left, top, edge, edge)
      if (kind !== 'part') continue
      const filled = Math.max(1, edge * shareOf(node.presentBytes, node.wantedBytes))
      context.fillStyle = colours.part
      context.fillRect(left, top + edge - filled, edge, filled)
    }
  }
}

function kindOf({ state, trouble, fetching, layers, mode }: NodeRow): 'ok' | 'part' | 'warn' | 'bad' | 'idle' {
  // Nobody misses what was drained.
  if (mode !== 'active' && trouble === null) return 'idle'
  if (state === 'lost' || trouble?.code === 'disconnected') return 'bad'
  if (trouble !== null && trouble.code !== 'slow' && trouble.code !== 'full') return 'warn'
  if (fetching > 0) return 'part'
  return layers === 0 ? 'idle' : 'ok'
}

function describe(node: NodeRow): string {
  const share =
    node.layers === 0 ? 'no layers' : `${formatShare(shareOf(node.presentBytes, node.wantedBytes))} of its layers`
  const mode = node.mode === 'active' ? '' : `, ${node.mode}`
  return `${node.id}${mode}: ${share}${node.trouble === null ? '' : `. ${node.trouble.message}`}`
}

function summary(nodes: readonly NodeRow[]): string {
  const counts = new Map<string, number>()
  for (const node of nodes) counts.set(kindOf(node), (counts.get(kindOf(node)) ?? 0) + 1)
  const parts = LEGEND.flatMap(([kind, text]) =>
    counts.has(kind) ? [`${formatCount(counts.get(kind) ?? 0)} ${text}`] : [],
  )
  return `Map of ${formatCount(nodes.length)} nodes: ${parts.join(', ')}. The page Nodes has them as a table.`
}
