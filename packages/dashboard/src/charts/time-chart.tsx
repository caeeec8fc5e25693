import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { colourOf, onThemeChange } from '../app/theme.ts'

export interface TimeChartProps {
  /** Unix times in seconds, then one column a series. */
  readonly columns: readonly (readonly number[])[]
  readonly series: readonly { readonly label: string; readonly colour: string }[]
  readonly format: (value: number) => string
  readonly label: string
  readonly heightPx?: number
}

/** Rates over time. The chart is made once and given new columns; it is made anew when colours change. */
export function TimeChart({ columns, series, format, label, heightPx = 200 }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot>(undefined)
  const data = useRef(columns)
  data.current = columns
  // biome-ignore lint/correctness/useExhaustiveDependencies: series and format are constants of the page.
  useEffect(() => {
    const element = box.current
    if (element === null) return undefined
    const draw = () => {
      chart.current?.destroy()
      const options = chartOptions({ series, format, width: element.clientWidth, height: heightPx })
      chart.current = new uPlot(options, data.current as uPlot.AlignedData, element)
    }
    draw()
    const resize = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: heightPx }))
    resize.observe(element)
    const forget = onThemeChange(draw)
    return () => {
      resize.disconnect()
      forget()
      chart.current?.destroy()
      chart.current = undefined
    }
  }, [heightPx])
  useEffect(() => chart.current?.setData(columns as uPlot.AlignedData), [columns])
  return <div ref={box} className="shoal-chart" role="img" aria-label={label} />
}

/** Unix time in seconds as the time of day. */
function formatClock(at: number): string {
  return new Date(at * 1000).toLocaleTimeString('en-GB')
}

function chartOptions({
  series,
  format,
  width,
  height,
}: Pick<TimeChartProps, 'series' | 'format'> & { width: number; height: number }): uPlot.Options {
  const text = colourOf('text')
  const grid = { stroke: colourOf('grid'), width: 1 }
  return {
    width,
    height,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_chart, _least, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      { stroke: text, grid, ticks: grid, space: 90, values: (_chart, values) => values.map(formatClock) },
      { stroke: text, grid, ticks: grid, size: 86, values: (_chart, values) => values.map(format) },
    ],
    series: [
      { value: (_chart, at) => (at === null ? '' : formatClock(at)) },
      ...series.map(({ label, colour }) => ({
        label,
        stroke: colourOf(colour),
        width: 2,
        points: { show: false },
        value: (_chart: uPlot, value: number | null) => (value === null ? '' : format(value)),
      })),
    ],
  }
}
