/** What the simulated account holds. Records are replaced, never changed in place. */

export interface Task {
  readonly gid: string
  /** Its place in lists; never reused. */
  readonly ordinal: number
  readonly name: string
  readonly notes: string
  readonly completedAt: Date | null
  /** `YYYY-MM-DD`. Set whenever `dueAt` is. */
  readonly dueOn: string | null
  readonly dueAt: Date | null
  readonly startOn: string | null
  readonly startAt: Date | null
  readonly createdAt: Date
  readonly modifiedAt: Date
  readonly assigneeGid: string | null
  readonly memberships: readonly Membership[]
  /** Text by custom field gid; a field without text is absent. */
  readonly texts: ReadonlyMap<string, string>
}

export interface Membership {
  readonly projectGid: string
  readonly sectionGid: string
}

export interface Project {
  readonly gid: string
  readonly name: string
  readonly createdAt: Date
  /** In the order of the board; the first takes tasks that name none. */
  readonly sections: readonly Section[]
  readonly fields: readonly CustomField[]
}

export interface Section {
  readonly gid: string
  readonly name: string
}

/** Text fields are the only kind the business uses. */
export interface CustomField {
  readonly gid: string
  readonly name: string
}

export interface User {
  readonly gid: string
  readonly name: string
  readonly email: string
}

export type ResourceType = 'task' | 'project' | 'section' | 'story' | 'user' | 'custom_field' | 'webhook' | 'workspace'

/** How one record names another. */
export interface Reference {
  readonly gid: string
  readonly type: ResourceType
  readonly subtype?: string
  readonly name?: string
}

export type Action = 'added' | 'removed' | 'changed' | 'deleted' | 'undeleted'

/** One thing that happened, before it is put into words for a feed or a webhook. */
export interface Happening {
  readonly sequence: number
  readonly at: Date
  readonly userGid: string
  readonly action: Action
  readonly resource: Reference
  readonly parent: Reference | null
  readonly change: { readonly field: string; readonly newValue?: Reference } | null
  /** Gids of what it bubbles up to: the task itself and the projects it stands (or stood) in. */
  readonly scopes: readonly string[]
}

export const workspace = { gid: '77', name: 'Heating & Plumbing' } as const
