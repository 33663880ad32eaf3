import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import {
  canaryAnnotation,
  defaultNamespace,
  injectLabel,
  leaderLabel,
  managedServiceAnnotation,
  streamService,
  targetStatusAnnotation,
} from '../src/api/keys.ts'
import { listAt, objectAt, stringAt, valueAt, type JsonObject } from '../src/base/json.ts'

const read = (name: string): string => readFileSync(new URL(`../manifests/${name}`, import.meta.url), 'utf8')
const parse = (text: string): readonly JsonObject[] => parseAllDocuments(text).map((document) => document.toJS() as JsonObject)
const install = parse(read('install.yaml'))
const find = (kind: string, name: string): JsonObject =>
  install.find((object) => object['kind'] === kind && stringAt(object, 'metadata', 'name') === name) ?? {}

describe('install.yaml', () => {
  it('is crds.yaml and kinglet.yaml (npm run manifests)', () => expect(read('install.yaml')).toBe(`${read('crds.yaml')}---\n${read('kinglet.yaml')}`))

  it('means the same to YAML 1.1, which kubectl reads, as to YAML 1.2', () => {
    // `off`, `no`, `y` are booleans there.
    const words = parseAllDocuments(read('install.yaml'), { version: '1.1' }).map((document) => document.toJS() as JsonObject)
    expect(words).toEqual(install)
  })

  it('names everything that has a name only once', () => {
    const keys = install.map((object) => `${stringAt(object, 'kind') ?? ''}/${stringAt(object, 'metadata', 'namespace') ?? ''}/${stringAt(object, 'metadata', 'name') ?? ''}`)
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('has one image, which the sidecars get too', () => {
    const images = [...read('kinglet.yaml').matchAll(/(?:image: |KINGLET_IMAGE, value: )"?([^"\s}]+)/g)].map(([, image]) => image)
    expect(images.length).toBe(4)
    expect(new Set(images)).toEqual(new Set(['kinglet:dev']))
  })

  it.each(['kinglet-controller', 'kinglet-webhook'])('runs %s as Pod Security restricted asks', (name) => {
    const pod = objectAt(find('Deployment', name), 'spec', 'template', 'spec')
    expect(pod['securityContext']).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    for (const container of listAt(pod, 'containers')) {
      expect(valueAt(container, 'securityContext')).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
      expect(valueAt(container, 'resources', 'limits', 'memory')).toBeDefined()
    }
  })

  it('grants no wildcard, no exec, no listing of Secrets', () => {
    for (const role of install.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')) {
      for (const rule of listAt(role, 'rules')) {
        const words = ['apiGroups', 'resources', 'verbs'].flatMap((field) => listAt(rule, field))
        expect(words).not.toContain('*')
        for (const word of ['pods/exec', 'nodes', 'escalate', 'bind', 'impersonate']) expect(words).not.toContain(word)
        if (listAt(rule, 'resources').includes('secrets') && listAt(rule, 'resourceNames').length === 0) expect(listAt(rule, 'verbs')).not.toContain('list')
      }
    }
  })

  it('binds no role to the webhook', () => {
    const subjects = install.flatMap((object) => listAt(object, 'subjects'))
    expect(subjects.map((subject) => stringAt(subject, 'name'))).not.toContain('kinglet-webhook')
  })

  it('sends sidecars to the leader alone', () =>
    expect(find('Service', streamService.name)).toMatchObject({ spec: { selector: { [leaderLabel]: 'true' }, ports: [{ port: streamService.port }] } }))
})

describe('the webhook configuration', () => {
  const webhooks = listAt(find('MutatingWebhookConfiguration', 'kinglet'), 'webhooks') as readonly JsonObject[]

  it('fails open, says what it is, and leaves the certificate to the controller', () => {
    expect(webhooks.map((webhook) => webhook['name'])).toEqual(['deployments.kinglet.sh', 'pods.kinglet.sh', 'services.kinglet.sh', 'misplaced.kinglet.sh'])
    for (const webhook of webhooks) {
      expect(webhook).toMatchObject({ failurePolicy: 'Ignore', sideEffects: 'None', timeoutSeconds: 5, admissionReviewVersions: ['v1'] })
      expect(objectAt(webhook, 'clientConfig')).not.toHaveProperty('caBundle')
    }
  })

  it('stays out of the namespaces without which a cluster does not start, and of its own', () => {
    for (const webhook of webhooks) {
      expect(valueAt(webhook, 'namespaceSelector', 'matchExpressions')).toEqual([
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'kube-node-lease', defaultNamespace] },
      ])
    }
  })

  it('is called for what carries our keys', () => {
    const conditions = JSON.stringify(webhooks.map((webhook) => webhook['matchConditions']))
    for (const key of [canaryAnnotation, targetStatusAnnotation, managedServiceAnnotation]) expect(conditions).toContain(`'${key}'`)
    expect(valueAt(webhooks[1], 'objectSelector')).toEqual({ matchLabels: { [injectLabel]: 'true' } })
  })
})
