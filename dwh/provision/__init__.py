"""What is created on AWS, found again and removed; it runs on both targets."""
