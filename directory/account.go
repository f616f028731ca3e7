package directory

import (
	"fmt"

	"trunkline/event"
)

// maxAccount bounds the name of an account, in characters.
const maxAccount = 64

// CheckAccount says what is wrong with the name of an account: 1 to 64 letters, digits, '-' and '_'.
func CheckAccount(account string) error {
	if account == "" || len(account) > maxAccount {
		return fmt.Errorf("an account has 1 to %d characters, not %d", maxAccount, len(account))
	}
	for i := range len(account) {
		c := account[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("an account consists of letters, digits, '-' and '_', not %q", c)
		}
	}
	return nil
}

// AccountName is what the measures interface calls the tenant.
func (t Tenant) AccountName() string {
	if t.Account != "" {
		return t.Account
	}
	return t.ID
}

// OrganizationGUID is what the hub interface calls the tenant's organisation.
func (t Tenant) OrganizationGUID() string {
	if t.GUID != "" {
		return t.GUID
	}
	return event.GUID(t.ID, "organization", t.ID)
}

// ByAccount gives the tenant of an account. When two have the same, which the configuration does not allow, nobody has it.
func (d *Directory) ByAccount(account string) (Tenant, bool) {
	var found Tenant
	n := 0
	for _, t := range d.Tenants() {
		if t.AccountName() == account {
			found = t
			n++
		}
	}
	return found, n == 1
}
