/** An answer that is made already: a handler gives it in place of a value where bytes or a status of their own are sent. */
export class RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined

  constructor(status: number, headers: Readonly<Record<string, string>>, body?: Buffer) {
    this.status = status
    this.headers = headers
    this.body = body
  }
}
