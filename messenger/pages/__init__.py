"""What all pages share: their assets with integrity, their headers, their theme. No account and no message."""
