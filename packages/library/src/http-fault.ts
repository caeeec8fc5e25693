import { STATUS_CODES } from 'node:http'

/** An answer other than the one asked for, as Glance words it: a status and an HTML page with one sentence. */
export class HttpFault extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }

  /** The body of the answer, laid out as webob does. */
  page(): string {
    const title = `${this.status} ${STATUS_CODES[this.status]}`
    const text = this.message.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`)
    return `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${text}<br /><br />\n\n\n\n </body>\n</html>`
  }
}
