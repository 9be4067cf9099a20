"""What the spool is made of: classes, a batch on disk, how far it reached, what can be had from a damaged one."""
