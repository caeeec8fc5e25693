import type { Socket } from 'node:net'
import { RecordOpener } from '../auth/record-opener.ts'
import type { DirectionKey } from '../auth/session-keys.ts'
import type { RefusalReason } from '../auth/swarm-identity.ts'
import { answerLane, decodeLaneGreeting, isGenuine, LANE_GREETING_BYTES, type LaneClientId } from './lane-greeting.ts'
import type { LaneTokens } from './lane-tokens.ts'

/** From the greeting to the first record that opens. */
const RECORD_MS = 5000
/** Lanes that were greeted and not yet used; and of one host. */
const MAX_GREETED = 256
const MAX_GREETED_PER_HOST = 16

/** What lanes are opened by, where daemons have credentials. */
export interface LaneAuth {
  /** Whether what is sent to a client is to be encrypted; `undefined` when we have no wire with it. */
  wantsSealed(client: LaneClientId): boolean | undefined
  onRefused(reason: RefusalReason, host: string): void
}

/** A lane whose client is known. */
export interface OpenedLane {
  /** The frames that came first. */
  readonly first: Buffer
  readonly opener?: RecordOpener
  readonly sealKey?: DirectionKey | undefined
  readonly onTampered?: () => void
}

/**
 * Answers greetings, and passes lanes on once their client has shown, by a record, that it has the keys: a greeting alone may be
 * somebody else's, repeated.
 */
export class LaneReception {
  readonly #auth: LaneAuth
  readonly #tokens: LaneTokens
  readonly #onFlood: (host: string) => void
  readonly #onOpen: (client: LaneClientId, socket: Socket, opened: OpenedLane) => void
  /** By host. */
  readonly #greeted = new Map<Socket, string>()

  /** `onFlood` hears of lanes of a host that were too many. */
  constructor(
    { auth, tokens, onFlood }: { auth: LaneAuth; tokens: LaneTokens; onFlood: (host: string) => void },
    onOpen: (client: LaneClientId, socket: Socket, opened: OpenedLane) => void,
  ) {
    this.#auth = auth
    this.#tokens = tokens
    this.#onFlood = onFlood
    this.#onOpen = onOpen
  }

  /** Takes a connection from a host that began with these bytes: a greeting at least. */
  accept(socket: Socket, host: string, first: Buffer): void {
    const greeting = decodeLaneGreeting(first)
    if (greeting === undefined) {
      this.#refuse(socket, host, 'malformed')
      return
    }
    const token = this.#tokens.ofNode(greeting.peerId, greeting.nodeId)
    if (!isGenuine(greeting, token)) {
      this.#refuse(socket, host, 'bad-proof')
      return
    }
    const client = { peerId: greeting.peerId, host, nodeId: greeting.nodeId }
    const isSealed = this.#auth.wantsSealed(client)
    // Its wire may be gone again: nothing that it could be blamed for.
    const isRoom = this.#isRoom(host)
    if (!isRoom) this.#onFlood(host)
    if (isSealed === undefined || !isRoom) {
      socket.destroy()
      return
    }
    const answered = answerLane(greeting, { token, isSealed: isSealed || greeting.wantsSealed })
    if (answered === undefined) {
      this.#refuse(socket, host, 'malformed')
      return
    }
    socket.write(answered.answer)
    this.#greeted.set(socket, host)
    const { client: clientKey, source: sealKey } = answered.keys
    this.#awaitRecord(socket, host, first.subarray(LANE_GREETING_BYTES), new RecordOpener(clientKey), (opened) => {
      this.#onOpen(client, socket, { ...opened, sealKey, onTampered: () => this.#auth.onRefused('tampered', host) })
    })
  }

  close(): void {
    for (const socket of [...this.#greeted.keys()]) socket.destroy()
  }

  #awaitRecord(
    socket: Socket,
    host: string,
    rest: Buffer,
    opener: RecordOpener,
    onOpen: (opened: OpenedLane & { opener: RecordOpener }) => void,
  ): void {
    const settle = () => {
      clearTimeout(timer)
      this.#greeted.delete(socket)
      socket.removeListener('data', onData)
      for (const event of ['end', 'error', 'close']) socket.removeListener(event, onGone)
    }
    const onGone = () => {
      settle()
      socket.destroy()
    }
    const onData = (chunk: Buffer) => {
      const frames = opener.push(chunk)
      if (frames?.length === 0) return
      settle()
      if (frames === undefined) this.#refuse(socket, host, 'bad-proof')
      else onOpen({ first: frames, opener })
    }
    const timer = setTimeout(() => {
      settle()
      this.#refuse(socket, host, 'timeout')
    }, RECORD_MS)
    socket.on('data', onData)
    for (const event of ['end', 'error', 'close']) socket.on(event, onGone)
    onData(rest)
  }

  #isRoom(host: string): boolean {
    let fromHost = 0
    for (const greeted of this.#greeted.values()) if (greeted === host) fromHost += 1
    return this.#greeted.size < MAX_GREETED && fromHost < MAX_GREETED_PER_HOST
  }

  #refuse(socket: Socket, host: string, reason: RefusalReason): void {
    socket.destroy()
    this.#auth.onRefused(reason, host)
  }
}
