import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import type { TestProject } from 'vitest/node'
import { defaultNamespace } from '../../src/api/keys.ts'
import { resources } from '../../src/api/resources.ts'
import { isObject, listAt, numberAt, stringAt } from '../../src/base/json.ts'
import { applyManifest } from '../../src/kube/apply.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { loadKubeConfig } from '../../src/kube/config.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { eventually } from './lib/eventually.ts'
import { findKubectl } from './lib/find-kubectl.ts'

/** Before the suites run on a real cluster: KUBECONFIG must lead to one; Kinglet is installed from manifests/install.yaml as anybody would. */
export default async function setup(project: TestProject): Promise<void> {
  const kubeconfig = process.env['KUBECONFIG']
  if (kubeconfig === undefined || kubeconfig === '') {
    throw new Error('KUBECONFIG is not set: the end-to-end suite needs a cluster. `npm test` runs the same suite on the embedded one.')
  }
  const client = createClient(loadKubeConfig({ kubeconfig }), systemClock, { fieldManager: 'e2e' })
  await client.request({ method: 'GET', path: '/readyz', timeoutMs: 10_000 })
  await install(client, readFileSync(new URL('../../manifests/install.yaml', import.meta.url), 'utf8'))
  project.provide('kubeconfig', kubeconfig)
  project.provide('kind', 'real')
  project.provide('kubectl', findKubectl())
  client.connection.close()
}

async function install(client: KubeClient, yaml: string): Promise<void> {
  const manifests = parseAllDocuments(yaml).map((document): unknown => document.toJS())
  for (const manifest of manifests.filter(isObject)) {
    // A CRD's kind is there a moment after the CRD.
    await eventually(`${stringAt(manifest, 'kind')} ${stringAt(manifest, 'metadata', 'name')} is applied`, () => applyManifest(client, manifest), 20_000)
  }
  for (const name of ['kinglet-controller', 'kinglet-webhook']) {
    await eventually(`${name} is available`, async () => {
      const found = await client.get(resources.deployments, { namespace: defaultNamespace, name })
      const available = numberAt(found, 'status', 'availableReplicas') ?? 0
      if (available === numberAt(found, 'spec', 'replicas')) return true
      throw new Error(`${available} of ${numberAt(found, 'spec', 'replicas')} replicas`)
    }, 120_000)
  }
  await eventually('the webhook configuration has a caBundle', async () => {
    const found = await client.get(resources.mutatingWebhookConfigurations, { name: 'kinglet' })
    return listAt(found, 'webhooks').every((webhook) => stringAt(webhook, 'clientConfig', 'caBundle') !== undefined)
  })
}
