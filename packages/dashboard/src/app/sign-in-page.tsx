import { Button, Card, CardBody, CardTitle, Form, FormGroup, Radio } from '@patternfly/react-core'
import type { Session, SignIn } from '@shoal/api'
import { type FormEvent, useEffect, useState } from 'react'
import { call } from '../api/call.ts'
import { Problem } from '../parts/problem.tsx'
import { SignInField } from './sign-in-field.tsx'

type Way = 'password' | 'cloud-token' | 'token'

const WAYS: readonly (readonly [Way, string])[] = [
  ['password', 'Name and password of Keystone'],
  ['cloud-token', 'Keystone token'],
  ['token', 'Token of Shoal'],
]
const NOTHING = { user: '', userDomain: 'Default', project: '', projectDomain: 'Default', password: '', token: '' }
type Fields = typeof NOTHING

/** Takes what somebody signs in with and gives it to the seed, which answers with a cookie; the page keeps nothing of it. */
export function SignInPage({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const [hasCloud, setHasCloud] = useState<boolean | undefined>(undefined)
  const [way, setWay] = useState<Way>('token')
  const [fields, setFields] = useState<Fields>(NOTHING)
  const [problem, setProblem] = useState<unknown>(undefined)
  const [isBusy, setIsBusy] = useState(false)
  useEffect(() => {
    const show = (cloud: boolean) => {
      setHasCloud(cloud)
      setWay(cloud ? 'password' : 'token')
    }
    call('showSignIn').then(
      ({ cloud }) => show(cloud),
      () => show(false),
    )
  }, [])
  const set = (name: keyof Fields) => (value: string) => setFields((before) => ({ ...before, [name]: value }))
  const body = bodyOf(way, fields)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (body === undefined) return
    setIsBusy(true)
    setProblem(undefined)
    try {
      onSignedIn(await call('signIn', { body }))
    } catch (error) {
      setProblem(error)
      setIsBusy(false)
    }
  }
  if (hasCloud === undefined) return null
  return (
    <main className="shoal-sign-in">
      <Card>
        <CardTitle component="h1">Sign in to Shoal</CardTitle>
        <CardBody>
          <Form onSubmit={(event) => void submit(event)}>
            {hasCloud ? (
              <FormGroup role="radiogroup" fieldId="way" label="With" isStack>
                {WAYS.map(([id, label]) => (
                  <Radio
                    key={id}
                    id={`way-${id}`}
                    name="way"
                    label={label}
                    isChecked={way === id}
                    onChange={() => {
                      setWay(id)
                      setProblem(undefined)
                    }}
                  />
                ))}
              </FormGroup>
            ) : null}
            {way === 'password' ? <PasswordFields fields={fields} set={set} /> : null}
            {way === 'cloud-token' ? (
              <SignInField
                id="cloud-token"
                label="Keystone token"
                value={fields.token}
                onChange={set('token')}
                isSecret
                hint="What openstack token issue prints, for the project, or the system scope, whose roles count here."
              />
            ) : null}
            {way === 'token' ? (
              <SignInField
                id="token"
                label="Token"
                autoComplete="current-password"
                value={fields.token}
                onChange={set('token')}
                isSecret
                hint="operator.token or viewer.token in the state directory of the seed, or a token that shoal token create made. Readers may look and change nothing."
              />
            ) : null}
            {problem === undefined ? null : <Problem error={problem} />}
            <Button type="submit" isBlock isDisabled={body === undefined || isBusy} isLoading={isBusy}>
              Sign in
            </Button>
          </Form>
        </CardBody>
      </Card>
    </main>
  )
}

function PasswordFields({ fields, set }: { fields: Fields; set: (name: keyof Fields) => (value: string) => void }) {
  const { user, userDomain, project, projectDomain, password } = fields
  return (
    <>
      <div className="shoal-sign-in-pair">
        <SignInField id="user" label="User" value={user} onChange={set('user')} autoComplete="username" />
        <SignInField id="user-domain" label="Domain of the user" value={userDomain} onChange={set('userDomain')} />
      </div>
      <SignInField
        id="password"
        label="Password"
        value={password}
        onChange={set('password')}
        isSecret
        autoComplete="current-password"
        hint="It goes to Keystone and is kept nowhere."
      />
      <div className="shoal-sign-in-pair">
        <SignInField
          id="project"
          label="Project"
          value={project}
          onChange={set('project')}
          hint="Your roles in it say what you may do here."
        />
        <SignInField
          id="project-domain"
          label="Domain of the project"
          value={projectDomain}
          onChange={set('projectDomain')}
        />
      </div>
    </>
  )
}

/** What is sent; `undefined` while something is missing. A password may begin and end with spaces, names and tokens do not. */
function bodyOf(way: Way, fields: Fields): SignIn | undefined {
  const token = fields.token.trim()
  if (way === 'token') return token === '' ? undefined : { token }
  if (way === 'cloud-token') return token === '' ? undefined : { cloudToken: token }
  const { password } = fields
  const user = fields.user.trim()
  const userDomain = fields.userDomain.trim()
  const project = fields.project.trim()
  const projectDomain = fields.projectDomain.trim()
  const isComplete = [user, userDomain, project, projectDomain, password].every((value) => value !== '')
  return isComplete ? { cloud: { user, userDomain, project, projectDomain, password } } : undefined
}
