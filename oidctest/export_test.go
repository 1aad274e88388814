package oidctest

// Remembered is how many access tokens the provider keeps.
func (p *Provider) Remembered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.access)
}
