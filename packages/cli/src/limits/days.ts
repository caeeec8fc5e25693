import { DAYS, type Day } from '@shoal/api'

/**
 * Days of the week as people write them: `mon`, `mon-fri`, `fri-sun,tue`, `all`, in any case and order. Gives what is
 * wrong with it as `reason` otherwise.
 */
export function parseDays(text: string): { days: Day[] } | { reason: string } {
  if (text.trim().toLowerCase() === 'all') return { days: [...DAYS] }
  const found = new Set<Day>()
  for (const part of text.toLowerCase().split(',')) {
    const ends = part.split('-').map(dayOf)
    const [first, last] = [ends[0], ends.at(-1)]
    if (first === undefined || last === undefined || ends.length > 2) {
      return { reason: `"${text}" names no days: write mon-fri, or sat,sun, or all.` }
    }
    for (let index = DAYS.indexOf(first); ; index += 1) {
      const day = DAYS[index % DAYS.length] ?? first
      found.add(day)
      if (day === last) break
    }
  }
  return { days: DAYS.filter((day) => found.has(day)) }
}

/** Writes days so that they can be given again: `all`, `mon-fri`, `mon,wed-sun`. */
export function formatDays(days: readonly Day[] = DAYS): string {
  const runs: Day[][] = []
  for (const day of DAYS.filter((one) => days.includes(one))) {
    const run = runs.at(-1)
    const before = DAYS[DAYS.indexOf(day) - 1]
    if (run !== undefined && run.at(-1) === before) run.push(day)
    else runs.push([day])
  }
  if (runs[0]?.length === DAYS.length) return 'all'
  return runs.map((run) => (run.length < 3 ? run.join(',') : `${run[0]}-${run.at(-1)}`)).join(',')
}

function dayOf(text: string): Day | undefined {
  return DAYS.find((day) => day === text.trim())
}
