import { setTimeout as sleep } from 'node:timers/promises'

/** Posts JSON to a program that may not listen yet. Any answer counts. */
export async function postPatiently(
  url: string,
  options: { body: string; headers?: Record<string, string>; attempts?: number; everyMs?: number },
): Promise<Response> {
  const { body, headers = {}, attempts = 100, everyMs = 50 } = options
  for (let left = attempts; ; left -= 1) {
    try {
      return await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
    } catch (error) {
      if (left <= 1) throw new Error(`nothing answers at ${url}`, { cause: error })
      await sleep(everyMs)
    }
  }
}
