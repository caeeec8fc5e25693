import assert from 'node:assert/strict'
import { chmod, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  formatJoinToken,
  hashJoinSecret,
  isJoinSecret,
  loadAuthorities,
  loadCredential,
  newJoinToken,
  openAuthority,
  parseJoinToken,
  storeCredential,
} from '@shoal/trust'
import { issueCredential, NOW, newAuthority } from './certificates.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const settings = { domain: 'shoal', now: NOW }

test('an authority is made once, for its owner alone, and opened again', async (t) => {
  const directory = join(await temporaryDirectory(t), 'ca')
  const [first, second] = await Promise.all([openAuthority(directory, settings), openAuthority(directory, settings)])
  assert.equal(first.fingerprint, second.fingerprint)
  assert.equal((await openAuthority(directory, settings)).fingerprint, first.fingerprint)
  assert.deepEqual(await readdir(directory), ['ca.pem'])
  assert.equal((await stat(join(directory, 'ca.pem'))).mode & 0o777, 0o600)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
})

test('an authority that is damaged or over stops the start', async (t) => {
  const directory = await temporaryDirectory(t)
  await openAuthority(directory, settings)
  const later = { domain: 'shoal', now: NOW + 20 * 365 * 86_400_000 }
  await assert.rejects(openAuthority(directory, later), { code: 'SHOAL_TRUST_AUTHORITY' })
  await truncate(join(directory, 'ca.pem'), 100)
  await assert.rejects(openAuthority(directory, settings), { code: 'SHOAL_TRUST_AUTHORITY' })
})

test('a credential is kept in one file, mode 0600, and replaced whole', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'credential.pem')
  const authority = newAuthority()
  assert.equal(await loadCredential(path), undefined)
  await writeFile(path, 'old', { mode: 0o644 })
  await chmod(path, 0o644)
  const credential = issueCredential(authority)
  await storeCredential(path, credential)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const loaded = await loadCredential(path)
  assert.equal(loaded?.certificates[0]?.serialNumber, credential.certificates[0]?.serialNumber)
  assert.deepEqual(await readdir(directory), ['credential.pem'])
})

test('a credential whose key is not that of its certificate is refused', async (t) => {
  const directory = await temporaryDirectory(t)
  const authority = newAuthority()
  const [one, other] = [join(directory, 'one.pem'), join(directory, 'other.pem')]
  await storeCredential(one, issueCredential(authority))
  await storeCredential(other, issueCredential(authority))
  assert.ok(await loadCredential(one, one))
  await assert.rejects(loadCredential(one, other), { code: 'SHOAL_TRUST_CREDENTIAL' })
  await writeFile(one, 'nothing')
  await assert.rejects(loadCredential(one), { code: 'SHOAL_TRUST_CREDENTIAL' })
})

test('a CA file may hold several authorities and nothing else', async (t) => {
  const path = join(await temporaryDirectory(t), 'ca.pem')
  const authorities = [newAuthority(), newAuthority()]
  assert.equal(await loadAuthorities(path), undefined)
  await writeFile(path, `# both\n${authorities.map(({ certificate }) => certificate.toString()).join('# and\n')}`)
  assert.equal((await loadAuthorities(path))?.length, 2)
  await writeFile(path, issueCredential(newAuthority()).certificates.join(''))
  await assert.rejects(loadAuthorities(path), { code: 'SHOAL_TRUST_CA_FILE' })
})

test('a join token goes as one word and is kept as a hash', async () => {
  const token = newJoinToken(newAuthority().fingerprint)
  const text = formatJoinToken(token)
  assert.doesNotMatch(text, /\s/)
  assert.deepEqual(parseJoinToken(`${text}\n`), token)
  const hash = hashJoinSecret(token.secret)
  assert.ok(!hash.includes(token.secret))
  assert.ok(isJoinSecret(token.secret, hash))
  assert.ok(!isJoinSecret(newJoinToken('').secret, hash))
  for (const wrong of ['', 'x', text.slice(0, -1), `${text}x`, text.replace('shoal-join', 'shoal')]) {
    assert.throws(
      () => parseJoinToken(wrong),
      (error: Error & { code?: string }) =>
        error.code === 'SHOAL_TRUST_JOIN_TOKEN' && !error.message.includes(token.secret),
    )
  }
})

test('the key of an authority is in its file and nowhere else', async (t) => {
  const directory = await temporaryDirectory(t)
  const authority = await openAuthority(directory, settings)
  assert.match(await readFile(join(directory, 'ca.pem'), 'utf8'), /PRIVATE KEY/)
  assert.doesNotMatch(authority.certificate.toString(), /PRIVATE KEY/)
})
