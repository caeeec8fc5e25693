import type { Boot, Client } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { poll } from '../follow/poll.ts'
import { bootState } from './describe-boot.ts'

/** Waits until a boot is ready or has failed, and says what it waits for. */
export async function followBoot(context: CommandContext, client: Client, boot: Boot): Promise<Boot> {
  const { output, signal } = context
  const params = { boot: boot.name }
  let last = boot
  let said = ''
  const isOver = ({ state }: Boot) => state !== 'preparing'
  const say = (shown: Boot) => {
    const state = bootState(shown)
    if (!isOver(shown) && state !== said) output.note(`${shown.name}: ${state}`)
    said = state
  }
  if (isOver(boot)) return boot
  say(boot)
  for await (const shown of poll(context, () => client.showBoot({ params, signal }), isOver)) {
    say(shown)
    last = shown
  }
  return last
}
