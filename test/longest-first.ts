import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes more than ten seconds beside others, longest first. */
const long = ['test/static.test.ts', 'src/rollout/decide.property.test.ts', 'src/proxy/tunnel.test.ts', 'src/sandbox/sandbox.test.ts', 'src/certs/certificates.test.ts', 'src/sandbox/apiserver/kubectl.test.ts', 'test/false-alarms.test.ts', 'src/proxy/metrics-truth.test.ts', 'test/e2e/scaling.e2e.ts', 'test/e2e/routing.e2e.ts', 'test/e2e/life.e2e.ts', 'test/e2e/evidence.e2e.ts', 'test/e2e/mirror.e2e.ts', 'test/e2e/bake.e2e.ts', 'test/e2e/annotation.e2e.ts']

/** In a fresh checkout nobody knows how long a file takes; one that is begun last would be waited for alone, with a core idle. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => groupOf(one) - groupOf(other) || rankOf(one) - rankOf(other))
  }
}

const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder
const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = long.findIndex((file) => moduleId.endsWith(file))
  return rank < 0 ? long.length : rank
}
