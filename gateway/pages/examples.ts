/** Operations offered to whoever opens the page: they work as they stand in the demo. */
export interface Example {
  readonly title: string
  readonly document: string
}

export const examples: readonly Example[] = [
  {
    title: 'Three tools, one answer',
    document: `query CustomersWithOrdersAndJobs {
  customers(first: 2) {
    nodes {
      id
      name
      email
      orders(first: 3) {
        nodes {
          id
          number
          status
          total {
            amount
            currency
          }
        }
      }
      jobs(first: 3) {
        nodes {
          id
          title
          status
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
  },
  {
    title: 'What is open, and what is unplanned',
    document: `query OpenAndUnplanned {
  orders(first: 3, filter: { status: OPEN }) {
    totalCount
    sums {
      currency
      count
      amountRemaining {
        amount
      }
    }
    nodes {
      id
      number
      dueAt
    }
  }
  jobs(first: 3, filter: { isScheduled: false, isCompleted: false }) {
    totalCount
    nodes {
      id
      title
    }
  }
}
`,
  },
  {
    title: 'Watch a customer',
    document: `subscription WatchCustomer {
  customerChanged(id: "101") {
    change {
      kind
      fields
      system
      cursor
    }
    customer {
      id
      phone
      orders(first: 1) {
        nodes {
          id
        }
      }
    }
  }
}
`,
  },
  {
    title: 'Change a customer',
    document: `mutation ChangePhone {
  updateCustomer(input: { id: "101", phone: "+15550100" }) {
    customer {
      id
      phone
    }
  }
}
`,
  },
  {
    title: 'Everything that happens',
    document: `subscription Everything {
  changes {
    change {
      kind
      fields
      system
      at
    }
    entityType
    entityId
  }
}
`,
  },
  {
    title: 'Who owns what',
    document: `query WhoOwnsWhat {
  ownership {
    entity
    field
    owner
    system
    copies
  }
}
`,
  },
]
