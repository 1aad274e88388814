package oidctest

// Remembered returns the number of stored access tokens.
func (p *Provider) Remembered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.access)
}
