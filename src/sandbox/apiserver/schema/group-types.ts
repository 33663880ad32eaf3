/** The types of the other API groups that the sandbox serves, of Kubernetes 1.34, in the notation of `notation.ts`. */
export const groupTypes = `
# apps io.k8s.api.apps.v1
Deployment { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: DeploymentSpec, status: DeploymentStatus }
DeploymentCondition { lastTransitionTime: time, lastUpdateTime: time, message: string, reason: string, status!: string, type!: string }
DeploymentSpec { minReadySeconds: int32, paused: bool, progressDeadlineSeconds: int32, replicas: int32, revisionHistoryLimit: int32, selector!: meta/LabelSelector, strategy: DeploymentStrategy @retainKeys, template!: core/PodTemplateSpec }
DeploymentStatus { availableReplicas: int32, collisionCount: int32, conditions: [DeploymentCondition] @map(type) @merge(type), observedGeneration: int64, readyReplicas: int32, replicas: int32, terminatingReplicas: int32, unavailableReplicas: int32, updatedReplicas: int32 }
DeploymentStrategy { rollingUpdate: RollingUpdateDeployment, type: string }
ReplicaSet { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: ReplicaSetSpec, status: ReplicaSetStatus }
ReplicaSetCondition { lastTransitionTime: time, message: string, reason: string, status!: string, type!: string }
ReplicaSetSpec { minReadySeconds: int32, replicas: int32, selector!: meta/LabelSelector, template: core/PodTemplateSpec }
ReplicaSetStatus { availableReplicas: int32, conditions: [ReplicaSetCondition] @map(type) @merge(type), fullyLabeledReplicas: int32, observedGeneration: int64, readyReplicas: int32, replicas!: int32, terminatingReplicas: int32 }
RollingUpdateDeployment { maxSurge: intOrString, maxUnavailable: intOrString }
# discovery io.k8s.api.discovery.v1
Endpoint { addresses!: [string] @set, conditions: EndpointConditions, deprecatedTopology: {string}, hints: EndpointHints, hostname: string, nodeName: string, targetRef: core/ObjectReference, zone: string }
EndpointConditions { ready: bool, serving: bool, terminating: bool }
EndpointHints { forNodes: [ForNode] @atomic, forZones: [ForZone] @atomic }
EndpointPort @atomic { appProtocol: string, name: string, port: int32, protocol: string }
EndpointSlice { addressType!: string, apiVersion: string, endpoints!: [Endpoint] @atomic, kind: string, metadata: meta/ObjectMeta, ports: [EndpointPort] @atomic }
ForNode { name!: string }
ForZone { name!: string }
# coordination io.k8s.api.coordination.v1
Lease { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: LeaseSpec }
LeaseSpec { acquireTime: microTime, holderIdentity: string, leaseDurationSeconds: int32, leaseTransitions: int32, preferredHolder: string, renewTime: microTime, strategy: string }
# apiextensions io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1
CustomResourceColumnDefinition { description: string, format: string, jsonPath!: string, name!: string, priority: int32, type!: string }
CustomResourceConversion { strategy!: string, webhook: WebhookConversion }
CustomResourceDefinition { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec!: CustomResourceDefinitionSpec, status: CustomResourceDefinitionStatus }
CustomResourceDefinitionCondition { lastTransitionTime: time, message: string, reason: string, status!: string, type!: string }
CustomResourceDefinitionNames { categories: [string] @atomic, kind!: string, listKind: string, plural!: string, shortNames: [string] @atomic, singular: string }
CustomResourceDefinitionSpec { conversion: CustomResourceConversion, group!: string, names!: CustomResourceDefinitionNames, preserveUnknownFields: bool, scope!: string, versions!: [CustomResourceDefinitionVersion] @atomic }
CustomResourceDefinitionStatus { acceptedNames: CustomResourceDefinitionNames, conditions: [CustomResourceDefinitionCondition] @map(type), storedVersions: [string] @atomic }
CustomResourceDefinitionVersion { additionalPrinterColumns: [CustomResourceColumnDefinition] @atomic, deprecated: bool, deprecationWarning: string, name!: string, schema: CustomResourceValidation, selectableFields: [SelectableField] @atomic, served!: bool, storage!: bool, subresources: CustomResourceSubresources }
CustomResourceSubresourceScale { labelSelectorPath: string, specReplicasPath!: string, statusReplicasPath!: string }
CustomResourceSubresourceStatus {  }
CustomResourceSubresources { scale: CustomResourceSubresourceScale, status: CustomResourceSubresourceStatus }
CustomResourceValidation { openAPIV3Schema: JSONSchemaProps }
ExternalDocumentation { description: string, url: string }
JSONSchemaProps { $ref: string, $schema: string, additionalItems: any, additionalProperties: any, allOf: [JSONSchemaProps] @atomic, anyOf: [JSONSchemaProps] @atomic, default: any, definitions: {JSONSchemaProps}, dependencies: {any}, description: string, enum: [any] @atomic, example: any, exclusiveMaximum: bool, exclusiveMinimum: bool, externalDocs: ExternalDocumentation, format: string, id: string, items: any, maxItems: int64, maxLength: int64, maxProperties: int64, maximum: double, minItems: int64, minLength: int64, minProperties: int64, minimum: double, multipleOf: double, not: JSONSchemaProps, nullable: bool, oneOf: [JSONSchemaProps] @atomic, pattern: string, patternProperties: {JSONSchemaProps}, properties: {JSONSchemaProps}, required: [string] @atomic, title: string, type: string, uniqueItems: bool, x-kubernetes-embedded-resource: bool, x-kubernetes-int-or-string: bool, x-kubernetes-list-map-keys: [string] @atomic, x-kubernetes-list-type: string, x-kubernetes-map-type: string, x-kubernetes-preserve-unknown-fields: bool, x-kubernetes-validations: [ValidationRule] @map(rule) @merge(rule) }
SelectableField { jsonPath!: string }
ServiceReference { name!: string, namespace!: string, path: string, port: int32 }
ValidationRule { fieldPath: string, message: string, messageExpression: string, optionalOldSelf: bool, reason: string, rule!: string }
WebhookClientConfig { caBundle: bytes, service: ServiceReference, url: string }
WebhookConversion { clientConfig: WebhookClientConfig, conversionReviewVersions!: [string] @atomic }
# admissionregistration io.k8s.api.admissionregistration.v1
MatchCondition { expression!: string, name!: string }
MutatingWebhook { admissionReviewVersions!: [string] @atomic, clientConfig!: WebhookClientConfig, failurePolicy: string, matchConditions: [MatchCondition] @map(name) @merge(name), matchPolicy: string, name!: string, namespaceSelector: meta/LabelSelector, objectSelector: meta/LabelSelector, reinvocationPolicy: string, rules: [RuleWithOperations] @atomic, sideEffects!: string, timeoutSeconds: int32 }
MutatingWebhookConfiguration { apiVersion: string, kind: string, metadata: meta/ObjectMeta, webhooks: [MutatingWebhook] @map(name) @merge(name) }
RuleWithOperations { apiGroups: [string] @atomic, apiVersions: [string] @atomic, operations: [string] @atomic, resources: [string] @atomic, scope: string }
ServiceReference { name!: string, namespace!: string, path: string, port: int32 }
ValidatingWebhook { admissionReviewVersions!: [string] @atomic, clientConfig!: WebhookClientConfig, failurePolicy: string, matchConditions: [MatchCondition] @map(name) @merge(name), matchPolicy: string, name!: string, namespaceSelector: meta/LabelSelector, objectSelector: meta/LabelSelector, rules: [RuleWithOperations] @atomic, sideEffects!: string, timeoutSeconds: int32 }
ValidatingWebhookConfiguration { apiVersion: string, kind: string, metadata: meta/ObjectMeta, webhooks: [ValidatingWebhook] @map(name) @merge(name) }
WebhookClientConfig { caBundle: bytes, service: ServiceReference, url: string }
# authentication io.k8s.api.authentication.v1
BoundObjectReference { apiVersion: string, kind: string, name: string, uid: string }
TokenRequest { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec!: TokenRequestSpec, status: TokenRequestStatus }
TokenRequestSpec { audiences!: [string] @atomic, boundObjectRef: BoundObjectReference, expirationSeconds: int64 }
TokenRequestStatus { expirationTimestamp!: time, token!: string }
TokenReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec!: TokenReviewSpec, status: TokenReviewStatus }
TokenReviewSpec { audiences: [string] @atomic, token: string }
TokenReviewStatus { audiences: [string] @atomic, authenticated: bool, error: string, user: UserInfo }
UserInfo { extra: {[string]}, groups: [string] @atomic, uid: string, username: string }
# authorization io.k8s.api.authorization.v1
FieldSelectorAttributes { rawSelector: string, requirements: [meta/FieldSelectorRequirement] @atomic }
LabelSelectorAttributes { rawSelector: string, requirements: [meta/LabelSelectorRequirement] @atomic }
LocalSubjectAccessReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec!: SubjectAccessReviewSpec, status: SubjectAccessReviewStatus }
NonResourceAttributes { path: string, verb: string }
NonResourceRule { nonResourceURLs: [string] @atomic, verbs!: [string] @atomic }
ResourceAttributes { fieldSelector: FieldSelectorAttributes, group: string, labelSelector: LabelSelectorAttributes, name: string, namespace: string, resource: string, subresource: string, verb: string, version: string }
ResourceRule { apiGroups: [string] @atomic, resourceNames: [string] @atomic, resources: [string] @atomic, verbs!: [string] @atomic }
SelfSubjectAccessReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec!: SelfSubjectAccessReviewSpec, status: SubjectAccessReviewStatus }
SelfSubjectAccessReviewSpec { nonResourceAttributes: NonResourceAttributes, resourceAttributes: ResourceAttributes }
SelfSubjectRulesReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec!: SelfSubjectRulesReviewSpec, status: SubjectRulesReviewStatus }
SelfSubjectRulesReviewSpec { namespace: string }
SubjectAccessReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec!: SubjectAccessReviewSpec, status: SubjectAccessReviewStatus }
SubjectAccessReviewSpec { extra: {[string]}, groups: [string] @atomic, nonResourceAttributes: NonResourceAttributes, resourceAttributes: ResourceAttributes, uid: string, user: string }
SubjectAccessReviewStatus { allowed!: bool, denied: bool, evaluationError: string, reason: string }
SubjectRulesReviewStatus { evaluationError: string, incomplete!: bool, nonResourceRules!: [NonResourceRule] @atomic, resourceRules!: [ResourceRule] @atomic }
# rbac io.k8s.api.rbac.v1
AggregationRule { clusterRoleSelectors: [meta/LabelSelector] @atomic }
ClusterRole { aggregationRule: AggregationRule, apiVersion: string, kind: string, metadata: meta/ObjectMeta, rules: [PolicyRule] @atomic }
ClusterRoleBinding { apiVersion: string, kind: string, metadata: meta/ObjectMeta, roleRef!: RoleRef, subjects: [Subject] @atomic }
PolicyRule { apiGroups: [string] @atomic, nonResourceURLs: [string] @atomic, resourceNames: [string] @atomic, resources: [string] @atomic, verbs!: [string] @atomic }
Role { apiVersion: string, kind: string, metadata: meta/ObjectMeta, rules: [PolicyRule] @atomic }
RoleBinding { apiVersion: string, kind: string, metadata: meta/ObjectMeta, roleRef!: RoleRef, subjects: [Subject] @atomic }
RoleRef @atomic { apiGroup!: string, kind!: string, name!: string }
Subject @atomic { apiGroup: string, kind!: string, name!: string, namespace: string }
# autoscaling io.k8s.api.autoscaling.v2
ContainerResourceMetricSource { container!: string, name!: string, target!: MetricTarget }
ContainerResourceMetricStatus { container!: string, current!: MetricValueStatus, name!: string }
CrossVersionObjectReference { apiVersion: string, kind!: string, name!: string }
ExternalMetricSource { metric!: MetricIdentifier, target!: MetricTarget }
ExternalMetricStatus { current!: MetricValueStatus, metric!: MetricIdentifier }
HPAScalingPolicy { periodSeconds!: int32, type!: string, value!: int32 }
HPAScalingRules { policies: [HPAScalingPolicy] @atomic, selectPolicy: string, stabilizationWindowSeconds: int32, tolerance: quantity }
HorizontalPodAutoscaler { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: HorizontalPodAutoscalerSpec, status: HorizontalPodAutoscalerStatus }
HorizontalPodAutoscalerBehavior { scaleDown: HPAScalingRules, scaleUp: HPAScalingRules }
HorizontalPodAutoscalerCondition { lastTransitionTime: time, message: string, reason: string, status!: string, type!: string }
HorizontalPodAutoscalerSpec { behavior: HorizontalPodAutoscalerBehavior, maxReplicas!: int32, metrics: [MetricSpec] @atomic, minReplicas: int32, scaleTargetRef!: CrossVersionObjectReference }
HorizontalPodAutoscalerStatus { conditions: [HorizontalPodAutoscalerCondition] @map(type) @merge(type), currentMetrics: [MetricStatus] @atomic, currentReplicas: int32, desiredReplicas!: int32, lastScaleTime: time, observedGeneration: int64 }
MetricIdentifier { name!: string, selector: meta/LabelSelector }
MetricSpec { containerResource: ContainerResourceMetricSource, external: ExternalMetricSource, object: ObjectMetricSource, pods: PodsMetricSource, resource: ResourceMetricSource, type!: string }
MetricStatus { containerResource: ContainerResourceMetricStatus, external: ExternalMetricStatus, object: ObjectMetricStatus, pods: PodsMetricStatus, resource: ResourceMetricStatus, type!: string }
MetricTarget { averageUtilization: int32, averageValue: quantity, type!: string, value: quantity }
MetricValueStatus { averageUtilization: int32, averageValue: quantity, value: quantity }
ObjectMetricSource { describedObject!: CrossVersionObjectReference, metric!: MetricIdentifier, target!: MetricTarget }
ObjectMetricStatus { current!: MetricValueStatus, describedObject!: CrossVersionObjectReference, metric!: MetricIdentifier }
PodsMetricSource { metric!: MetricIdentifier, target!: MetricTarget }
PodsMetricStatus { current!: MetricValueStatus, metric!: MetricIdentifier }
ResourceMetricSource { name!: string, target!: MetricTarget }
ResourceMetricStatus { current!: MetricValueStatus, name!: string }
# autoscalingv1 io.k8s.api.autoscaling.v1
Scale { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: ScaleSpec, status: ScaleStatus }
ScaleSpec { replicas: int32 }
ScaleStatus { replicas!: int32, selector: string }
# policy io.k8s.api.policy.v1
Eviction { apiVersion: string, deleteOptions: meta/DeleteOptions, kind: string, metadata: meta/ObjectMeta }
PodDisruptionBudget { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: PodDisruptionBudgetSpec, status: PodDisruptionBudgetStatus }
PodDisruptionBudgetSpec { maxUnavailable: intOrString, minAvailable: intOrString, selector: meta/LabelSelector, unhealthyPodEvictionPolicy: string }
PodDisruptionBudgetStatus { conditions: [meta/Condition] @map(type) @merge(type), currentHealthy!: int32, desiredHealthy!: int32, disruptedPods: {time}, disruptionsAllowed!: int32, expectedPods!: int32, observedGeneration: int64 }
# networking io.k8s.api.networking.v1
HTTPIngressPath { backend!: IngressBackend, path: string, pathType!: string }
HTTPIngressRuleValue { paths!: [HTTPIngressPath] @atomic }
IPBlock { cidr!: string, except: [string] @atomic }
Ingress { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: IngressSpec, status: IngressStatus }
IngressBackend { resource: core/TypedLocalObjectReference, service: IngressServiceBackend }
IngressLoadBalancerIngress { hostname: string, ip: string, ports: [IngressPortStatus] @atomic }
IngressLoadBalancerStatus { ingress: [IngressLoadBalancerIngress] @atomic }
IngressPortStatus { error: string, port!: int32, protocol!: string }
IngressRule { host: string, http: HTTPIngressRuleValue }
IngressServiceBackend { name!: string, port: ServiceBackendPort }
IngressSpec { defaultBackend: IngressBackend, ingressClassName: string, rules: [IngressRule] @atomic, tls: [IngressTLS] @atomic }
IngressStatus { loadBalancer: IngressLoadBalancerStatus }
IngressTLS { hosts: [string] @atomic, secretName: string }
NetworkPolicy { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: NetworkPolicySpec }
NetworkPolicyEgressRule { ports: [NetworkPolicyPort] @atomic, to: [NetworkPolicyPeer] @atomic }
NetworkPolicyIngressRule { from: [NetworkPolicyPeer] @atomic, ports: [NetworkPolicyPort] @atomic }
NetworkPolicyPeer { ipBlock: IPBlock, namespaceSelector: meta/LabelSelector, podSelector: meta/LabelSelector }
NetworkPolicyPort { endPort: int32, port: intOrString, protocol: string }
NetworkPolicySpec { egress: [NetworkPolicyEgressRule] @atomic, ingress: [NetworkPolicyIngressRule] @atomic, podSelector: meta/LabelSelector, policyTypes: [string] @atomic }
ServiceBackendPort @atomic { name: string, number: int32 }
# events io.k8s.api.events.v1
Event { action: string, apiVersion: string, deprecatedCount: int32, deprecatedFirstTimestamp: time, deprecatedLastTimestamp: time, deprecatedSource: core/EventSource, eventTime!: microTime, kind: string, metadata: meta/ObjectMeta, note: string, reason: string, regarding: core/ObjectReference, related: core/ObjectReference, reportingController: string, reportingInstance: string, series: EventSeries, type: string }
EventSeries { count!: int32, lastObservedTime!: microTime }
# meta io.k8s.apimachinery.pkg.apis.meta.v1
Condition { lastTransitionTime!: time, message!: string, observedGeneration: int64, reason!: string, status!: string, type!: string }
DeleteOptions { apiVersion: string, dryRun: [string] @atomic, gracePeriodSeconds: int64, ignoreStoreReadErrorWithClusterBreakingPotential: bool, kind: string, orphanDependents: bool, preconditions: Preconditions, propagationPolicy: string }
FieldSelectorRequirement { key!: string, operator!: string, values: [string] @atomic }
LabelSelector @atomic { matchExpressions: [LabelSelectorRequirement] @atomic, matchLabels: {string} }
LabelSelectorRequirement { key!: string, operator!: string, values: [string] @atomic }
ListMeta { continue: string, remainingItemCount: int64, resourceVersion: string, selfLink: string }
ManagedFieldsEntry { apiVersion: string, fieldsType: string, fieldsV1: any, manager: string, operation: string, subresource: string, time: time }
ObjectMeta { annotations: {string}, creationTimestamp: time, deletionGracePeriodSeconds: int64, deletionTimestamp: time, finalizers: [string] @set @merge(), generateName: string, generation: int64, labels: {string}, managedFields: [ManagedFieldsEntry] @atomic, name: string, namespace: string, ownerReferences: [OwnerReference] @map(uid) @merge(uid), resourceVersion: string, selfLink: string, uid: string }
OwnerReference @atomic { apiVersion!: string, blockOwnerDeletion: bool, controller: bool, kind!: string, name!: string, uid!: string }
Preconditions { resourceVersion: string, uid: string }
Status { apiVersion: string, code: int32, details: StatusDetails @atomic, kind: string, message: string, metadata: ListMeta, reason: string, status: string }
StatusCause { field: string, message: string, reason: string }
StatusDetails { causes: [StatusCause] @atomic, group: string, kind: string, name: string, retryAfterSeconds: int32, uid: string }
`
