const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const
const STEP = 1024

/** 1536 as "1.5 KiB". */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** Bytes per second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`
}

/** 0.4217 as "42 %"; what is not quite all is not shown as all. */
export function formatShare(share: number): string {
  const percent = share >= 1 ? 100 : Math.min(99, Math.floor(share * 100))
  return `${percent} %`
}

export function formatCount(count: number): string {
  return count.toLocaleString('en')
}

/** A part of a whole; of nothing, all is there. */
export function shareOf(part: number, whole: number): number {
  return whole <= 0 ? 1 : Math.min(1, part / whole)
}
