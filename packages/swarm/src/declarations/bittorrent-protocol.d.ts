/** The part of bittorrent-protocol 5.0.9 that Shoal uses. */
declare module 'bittorrent-protocol' {
  import type { Duplex } from 'node:stream'

  export interface Extension {
    onExtendedHandshake?(handshake: Record<string, unknown>): void
    onMessage?(message: Uint8Array): void
  }

  export default class Wire extends Duplex {
    readonly peerId: string
    readonly amChoking: boolean
    readonly amInterested: boolean
    readonly peerChoking: boolean
    readonly peerInterested: boolean
    readonly hasFast: boolean
    readonly peerExtensions: { readonly extended?: boolean }
    /** Ours by number, and the other side's by name. */
    readonly extendedMapping: Record<number, string>
    readonly peerExtendedMapping: Record<string, number>
    readonly peerPieces: { get(index: number): boolean; buffer: Uint8Array; setAll?: unknown }
    readonly peerRequests: unknown[]
    extendedHandshake: Record<string, unknown>
    remoteAddress?: string
    remotePort?: number
    use(extension: new (wire: Wire) => Extension): void
    /** Throws when the other side did not say that it knows the extension. */
    extended(extension: string, message: Uint8Array): void
    /** Ids in hexadecimal. */
    handshake(infoHash: string, peerId: string, extensions?: { fast?: boolean }): void
    setTimeout(timeoutMs: number, unref?: boolean): this
    interested(): void
    uninterested(): void
    unchoke(): void
    have(index: number): void
    haveAll(): void
    haveNone(): void
    bitfield(bits: Uint8Array): void
    request(
      index: number,
      offset: number,
      length: number,
      callback: (error: Error | null, data: Uint8Array) => void,
    ): void
    cancel(index: number, offset: number, length: number): void
    reject(index: number, offset: number, length: number): void
    _sendExtendedHandshake(): void
    /** Where BEP 8's cipher would be. */
    _encryptor: { encrypt(data: Uint8Array): Uint8Array; decrypt(data: Uint8Array): Uint8Array } | null
    /** What came and was not parsed: nothing, or one buffer. */
    _buffer: Uint8Array[]
    _bufferSize: number
    _parser: (buffer: Uint8Array) => void
    _parserSize: number
    _onMessageLength(buffer: Uint8Array): void
    _onMessage(buffer: Uint8Array): void
    /** streamx: bytes written by us and not yet taken by the socket. */
    readonly _readableState: { readonly buffered: number }
    _message(id: number, numbers: number[], data: Uint8Array | null): void
  }
}
