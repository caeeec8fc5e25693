import { Checkbox, Form, FormGroup, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core'
import { useFleet } from '../fleet/fleet-context.ts'
import { formatBytes } from '../format/quantity.ts'
import type { PlanWish } from './plan-wish.ts'

export interface PlanFormProps {
  readonly wish: PlanWish
  readonly onChange: (wish: PlanWish) => void
}

type Texts = { [K in keyof PlanWish]: PlanWish[K] extends string ? K : never }[keyof PlanWish]

const TARGETS = [
  ['all', 'Every node, and those that come later'],
  ['place', 'The nodes of a zone, a rack or an aggregate'],
  ['vms', 'So many VMs, wherever there is room'],
  ['nodes', 'Nodes by name'],
] as const

const FORMS = [
  ['boot', 'What boots use'],
  ['file', "The library's exact bytes, for downloads by Nova"],
] as const

export function PlanForm({ wish, onChange }: PlanFormProps) {
  const text = (key: Texts, label: string, placeholder = '') => (
    <FormGroup label={label} fieldId={`plan-${key}`} key={key}>
      <TextInput
        id={`plan-${key}`}
        value={wish[key]}
        placeholder={placeholder}
        onChange={(_, value) => onChange({ ...wish, [key]: value })}
      />
    </FormGroup>
  )
  return (
    <Form className="shoal-form" onSubmit={(event) => event.preventDefault()}>
      {text('name', 'Name', 'for people')}
      <ImageChoice wish={wish} onChange={onChange} />
      <FormGroup label="What of them" fieldId="plan-form">
        <FormSelect
          id="plan-form"
          value={wish.form}
          onChange={(_, value) => onChange({ ...wish, form: value as PlanWish['form'] })}
        >
          {FORMS.map(([value, label]) => (
            <FormSelectOption key={value} value={value} label={label} />
          ))}
        </FormSelect>
      </FormGroup>
      <FormGroup label="Where" fieldId="plan-target">
        <FormSelect
          id="plan-target"
          value={wish.target}
          onChange={(_, value) => onChange({ ...wish, target: value as PlanWish['target'] })}
        >
          {TARGETS.map(([value, label]) => (
            <FormSelectOption key={value} value={value} label={label} />
          ))}
        </FormSelect>
      </FormGroup>
      {wish.target === 'place' ? [text('zone', 'Zone'), text('rack', 'Rack'), text('aggregate', 'Aggregate')] : null}
      {wish.target === 'vms' ? [text('vms', 'VMs'), text('vmsPerNode', 'VMs one node may get')] : null}
      {wish.target === 'nodes' ? text('nodes', 'Nodes', 'names, with spaces or commas between them') : null}
      {text('deadlineMinutes', 'Ready within, minutes', 'no deadline')}
      {text('limitMib', 'All nodes together receive at most, MiB/s', "no limit but the fleet's")}
      {text('priority', 'Priority, 0 to 100')}
    </Form>
  )
}

function ImageChoice({ wish, onChange }: PlanFormProps) {
  const images = useFleet((fleet) => fleet.images.list())
  const active = images.filter(({ status }) => status === 'active')
  const choose = (id: string, isChosen: boolean) => {
    const others = wish.images.filter((image) => image !== id)
    onChange({ ...wish, images: isChosen ? [...others, id] : others })
  }
  return (
    <FormGroup label="Images" role="group" fieldId="plan-images" isRequired>
      <div className="shoal-choices">
        {active.length === 0 ? 'The library has no active image.' : null}
        {active.map(({ id, name, sizeBytes, layer }) => (
          <Checkbox
            key={id}
            id={`image-${id}`}
            label={`${name ?? id}, ${sizeBytes === null ? 'size not known' : formatBytes(sizeBytes)}${layer === null ? ', not imported yet' : ''}`}
            isChecked={wish.images.includes(id)}
            onChange={(_, isChosen) => choose(id, isChosen)}
          />
        ))}
      </div>
    </FormGroup>
  )
}
