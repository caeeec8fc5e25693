import { request } from 'node:https'
import { join } from 'node:path'
import type { IssuedCredential } from '@shoal/api'
import {
  type Credential,
  createCredential,
  credentialToPem,
  newCredentialRequest,
  openAuthority,
  parsePem,
  readCertificateRequest,
} from '@shoal/trust'

export interface Answer {
  readonly status: number
  /** Code of the error, if it is one. */
  readonly code: string | undefined
  readonly body: unknown
}

/** Calls a seed over TLS as whoever holds the credential, or as nobody; it takes any seed. */
export function call(
  baseUrl: string | undefined,
  {
    method,
    path,
    credential,
    token,
    body,
  }: {
    method: string
    path: string
    credential?: Credential | undefined
    token?: string | undefined
    body?: unknown
  },
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const sent = request(
    `${baseUrl}${path}`,
    {
      method,
      agent: false,
      rejectUnauthorized: false,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(credential === undefined ? {} : credentialToPem(credential)),
    },
    async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString()
      const isJson = String(response.headers['content-type']).startsWith('application/json')
      const parsed = isJson ? JSON.parse(text) : text
      resolve({ status: response.statusCode ?? 0, code: parsed?.error?.code, body: parsed })
    },
  )
  sent.on('error', reject)
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  return promise
}

/** Joins as a node does: the key stays here. */
export async function joinAs(
  baseUrl: string | undefined,
  { node, token }: { node: string; token: string },
): Promise<Answer & { readonly credential?: Credential }> {
  const { privateKey, request: body } = newCredentialRequest(node)
  const answer = await call(baseUrl, { method: 'POST', path: '/v1/join', body: { token, node, request: body } })
  if (answer.status !== 200) return answer
  const { chain } = answer.body as IssuedCredential
  return { ...answer, credential: createCredential(privateKey, parsePem(chain)) }
}

/** A certificate of the seed's own authority that the seed never gave out. */
export async function stolenAuthority(
  stateDirectory: string,
  { node, notBefore, lifetimeMs }: { node: string; notBefore: number; lifetimeMs: number },
): Promise<Credential> {
  const authority = await openAuthority(join(stateDirectory, 'ca'), { domain: 'shoal', now: Date.now() })
  const { privateKey, request: pem } = newCredentialRequest(node)
  const identity = { role: 'node', name: node } as const
  return createCredential(privateKey, [
    authority.issue({ publicKey: readCertificateRequest(pem), identity, notBefore, lifetimeMs }),
  ])
}
