"""What Keras said before: graphs of bases and outcomes of calls, kept in a folder, each by what it depends on."""
