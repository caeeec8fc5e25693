import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export const RULES_FILE = join(import.meta.dirname, '../../infra/prometheus/shoal.rules.yaml')

/** The alerts that Shoal comes with. */
export async function readRules(): Promise<AlertRule[]> {
  const { groups } = parse(await readFile(RULES_FILE, 'utf8')) as { groups: { rules: AlertRule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const

/**
 * The text of rules for a test: every time in them is so many times shorter, and at least the least that scrapes of half a second
 * allow. What they compare stays.
 */
export function hurryRules(text: string, times: number): string {
  const shorter = (count: string, unit: string, least: number) =>
    `${Math.max(least, Math.round((Number(count) * SECONDS[unit as keyof typeof SECONDS]) / times))}s`
  return text
    .replaceAll(/\[(\d+)([smh])\]/g, (_, count: string, unit: string) => `[${shorter(count, unit, 4)}]`)
    .replaceAll(
      /^(\s*for: )(\d+)([smh])$/gm,
      (_, begin: string, count: string, unit: string) => begin + shorter(count, unit, 1),
    )
}
