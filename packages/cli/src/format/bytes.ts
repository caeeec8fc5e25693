const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** A size for people, in binary units with three significant digits: `1.50 GiB`. */
export function formatBytes(sizeBytes: number): string {
  let value = sizeBytes
  let unit = 0
  // 1023.5 would be shown as "1024".
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  if (unit === 0) return `${Math.round(value)} B`
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** A rate for people: `12.0 MiB/s`. */
export function formatRate(rateBytesPerSecond: number): string {
  return `${formatBytes(rateBytesPerSecond)}/s`
}
