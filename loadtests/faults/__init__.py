"""Makes faults while events flow, and proves afterwards from the topics that nothing was lost or doubled."""
