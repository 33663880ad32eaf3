import { parseCanary } from '../api/canary.ts'
import { resources } from '../api/resources.ts'
import { AppError } from '../base/errors.ts'
import type { ExplainOptions } from '../cli/explain.ts'
import { printExplanation } from '../cli/explain-text.ts'
import { createClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/config.ts'
import { systemClock } from '../runtime/clock.ts'

/** `kinglet explain`: one read, one print. Errors: NOT_FOUND; the cluster's. */
export async function runExplain(name: string, { kubeconfig, context, namespace, output }: ExplainOptions): Promise<void> {
  const connection = loadKubeConfig({ ...(kubeconfig === undefined ? {} : { kubeconfig }), ...(context === undefined ? {} : { context }) })
  const at = { namespace: namespace ?? connection.namespace, name }
  try {
    const raw = await createClient(connection, systemClock).find(resources.canaries, at)
    if (!raw) throw new AppError('NOT_FOUND', `there is no Canary ${name} in namespace ${at.namespace}; kubectl get canaries -A lists them`)
    process.stdout.write(printExplanation(parseCanary(raw), output))
  } finally {
    connection.close()
  }
}
