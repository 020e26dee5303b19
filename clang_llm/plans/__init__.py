"""What a plan is: pass lists, their vocabulary, recipes made of them, plans for modules, where plans are kept."""
