/** Where the sandbox is, as a person reads it when it runs. */
export interface SandboxPlaces {
  readonly kubeconfigPath: string
  /** Manifest of an app to try Kinglet on. */
  readonly examplePath: string
}

/** What a person reads when the sandbox runs: where it is, and what to try. */
export function welcome({ kubeconfigPath, examplePath }: SandboxPlaces, hasKinglet: boolean): string {
  const app = hasKinglet
    ? [
        `  kubectl apply -f ${examplePath}      # an app, its Service, and a client`,
        '  kubectl get canary podinfo -w',
        '  kubectl set image deployment/podinfo podinfo=podinfo:6.9.2      # in another terminal: a new version, step by step',
      ]
    : [`  kubectl apply -f ${examplePath}      # an app, its Service, and a client`, '  kubectl get pods,services', '  kubectl logs -f client']
  return [
    `A small Kubernetes runs on this machine${hasKinglet ? ', with Kinglet installed' : ''}. Your own kubectl works on it:`,
    '',
    `  export KUBECONFIG=${kubeconfigPath}`,
    '',
    'Three commands to try:',
    '',
    ...app,
    '',
    'Ctrl-C stops everything.',
  ].join('\n')
}
